"""Which weights fine-tuning changed: relative change and cosine of each component and layer (StyleAlign, section 4)."""

from torch import Tensor

from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.rows import Row, RowKey
from stylealign.networks.components import COMPONENTS, component_of
from stylealign.networks.generator import Generator

PROTOCOL = (
    "averaged generators, trained parameters as stored; relative change ||child - parent|| / ||parent||, cosine of the "
    "two parameter vectors; a component is the concatenation of its layers; fixed noise maps and the mean of W left out"
)


def relative_change(parent: list[Tensor], child: list[Tensor]) -> float:
    """Return ||child - parent|| / ||parent|| of two lists of tensors, each taken as one vector (NaN if parent is 0)."""
    difference = sum((c.double() - p.double()).square().sum().item() for p, c in zip(parent, child, strict=True))
    norm = sum(p.double().square().sum().item() for p in parent)
    return float((difference / norm) ** 0.5) if norm else float("nan")


def cosine(parent: list[Tensor], child: list[Tensor]) -> float:
    """Return the cosine of two lists of tensors, each taken as one vector (NaN if one of them is 0)."""
    product = sum((c.double() * p.double()).sum().item() for p, c in zip(parent, child, strict=True))
    norms = [sum(tensor.double().square().sum().item() for tensor in tensors) for tensors in (parent, child)]
    return float(product / (norms[0] * norms[1]) ** 0.5) if all(norms) else float("nan")


def weight_rows(parent: Generator, child: Generator, labels: RowKey) -> list[Row]:
    """Return `relative_change` and `cosine` of each component, then of each of its layers.

    Args:
        parent, child: generators of one architecture.
        labels: labels of the rows; the component (and layer) goes into `setting`.
    """
    groups = _grouped(parent, child)
    rows = []
    for component, layers in groups.items():
        whole = [pair for pairs in layers.values() for pair in pairs]
        rows += _pair_of_rows(whole, component, labels)
        for layer, pairs in layers.items():
            rows += _pair_of_rows(pairs, f"{component} {layer}", labels)
    return rows


def _grouped(parent: Generator, child: Generator) -> dict[str, dict[str, list[tuple[Tensor, Tensor]]]]:
    state = child.state_dict()
    groups: dict[str, dict[str, list[tuple[Tensor, Tensor]]]] = {component: {} for component in COMPONENTS}
    for name, tensor in parent.state_dict().items():
        place = component_of(name)
        if place is not None:
            assert state[name].shape == tensor.shape, f"{name}: parent and child differ in shape"
            groups[place[0]].setdefault(place[1], []).append((tensor, state[name]))
    return groups


def _pair_of_rows(pairs: list[tuple[Tensor, Tensor]], setting: str, labels: RowKey) -> list[Row]:
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    count = sum(tensor.numel() for tensor in before)
    return [labels.row("relative_change", Estimate(relative_change(before, after), n=count), setting=setting),
            labels.row("cosine", Estimate(cosine(before, after), n=count), setting=setting)]  # fmt: skip
