"""The weights of a parent and its child, component by component: what changed, and the child with one of them reset."""

import copy

import torch
from torch import Tensor

from stylealign.networks.components import COMPONENTS, component_of, resolution_of
from stylealign.networks.generator import Generator


def pairs_by_part(parent: Generator, child: Generator) -> dict[str, tuple[list[Tensor], list[Tensor]]]:
    """Return the parent's and the child's tensors of each component, and after it of each of its layers.

    Args:
        parent, child: generators of one architecture.

    Returns:
        The component (`mapping`), or component and layer (`mapping fc0`) -> tensors of both, in one order.
    """
    state = child.state_dict()
    groups: dict[str, dict[str, tuple[list[Tensor], list[Tensor]]]] = {name: {"": ([], [])} for name in COMPONENTS}
    for name, tensor in parent.state_dict().items():
        place = component_of(name)
        if place is not None:
            assert state[name].shape == tensor.shape, f"{name}: parent and child differ in shape"
            layers = groups[place[0]]
            for layer in ("", place[1]):
                before, after = layers.setdefault(layer, ([], []))
                before.append(tensor)
                after.append(state[name])
    return {
        f"{component} {layer}".rstrip(): pair for component, layers in groups.items() for layer, pair in layers.items()
    }


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


def with_reset(child: Generator, parent: Generator, component: str = "", resolution_px: int | None = None) -> Generator:
    """Return a copy of the child whose parameters of one part are the parent's; both of one architecture.

    Args:
        child, parent: generators of one architecture.
        component: the part by what it does; empty, or a name that is none, for no such part.
        resolution_px: the part by its block of the synthesis network; None for no such part.
    """
    result, source = copy.deepcopy(child), dict(parent.named_parameters())
    with torch.no_grad():
        for name, parameter in result.named_parameters():
            place, px = component_of(name), resolution_of(name)
            if (place is not None and place[0] == component) or (px is not None and px == resolution_px):
                parameter.copy_(source[name])
    return result
