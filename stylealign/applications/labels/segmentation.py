"""Segmentation: one class a pixel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.applications.labels.sharing import Shared
from stylealign.applications.labels.spec import LabelSpec, Scores
from stylealign.datasets.annotations import UNKNOWN_CLASS, Annotations
from stylealign.datasets.label_names import mirrored_order, pairs_among
from stylealign.metrics.bootstrap import Ratio
from stylealign.metrics.seeing import Compare
from stylealign.metrics.structure import common_names, iou, segmentation_agreements

_RAREST = 1e-3
"""Added to a class's share of the pixels: bounds the weight of an absent class."""


def spec(resolution_px: int, annotations: Annotations) -> LabelSpec | None:
    """Return the network's shape, None for annotations without class maps."""
    if annotations.segmentation is None:
        return None
    classes = annotations.names.classes
    swapped = pairs_among(annotations.names.swapped, classes)
    return LabelSpec("segmentation", classes, resolution_px, maps=len(classes), numbers=0, swapped=swapped)


def annotated(annotations: Annotations, spec: LabelSpec) -> dict[str, Tensor]:
    """Return the annotated labels: `classes` `[N, H, W]` uint8, `UNKNOWN_CLASS` where none is known."""
    return {"classes": torch.from_numpy(annotations.segmentation)}


def pseudo(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return soft labels from a network's outputs: `probabilities` `[N, C, H, W]` uint8, in steps of 1/255."""
    return {"probabilities": (outputs["maps"].softmax(dim=1) * 255).round().to(torch.uint8)}


def mirrored(labels: dict[str, Tensor], which: Tensor, spec: LabelSpec) -> dict[str, Tensor]:
    """Return the labels of images of which those in `which` `[N]` bool were mirrored: left and right classes change."""
    mask, order = which[:, None, None], mirrored_order(spec.names, spec.swapped)
    found = {}
    for name, value in labels.items():
        is_map = value.ndim == 3
        renamed = value if name == "kept" else _exchanged(value, order) if is_map else value[:, order]
        flipped = renamed.flip(-1)
        found[name] = torch.where(mask if is_map else mask[:, None], flipped, value)
    return found


def _exchanged(classes: Tensor, order: list[int]) -> Tensor:
    """Return a class map with every class replaced by the one at its place in `order`."""
    if order == sorted(order):
        return classes
    places = torch.arange(UNKNOWN_CLASS + 1, dtype=classes.dtype, device=classes.device)
    places[: len(order)] = torch.tensor(order, dtype=classes.dtype, device=classes.device)
    return places[classes.long()]


def kept(labels: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
    """Return where two sets of pseudo labels name the same class, `[N, H, W]` bool."""
    return labels["probabilities"].argmax(dim=1) == seen["probabilities"].argmax(dim=1)


def between(labels: dict[str, Tensor], seen: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of two sets of pseudo labels."""
    mean = (labels["probabilities"].float() + seen["probabilities"].float()) / 2
    return {"probabilities": mean.round().to(torch.uint8)}


def loss(outputs: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Return weighted cross-entropy plus the soft Dice loss, over the pixels whose class is known.

    Eyes are 0.4 % of the pixels: without class weights (frequency in the batch to the power -1/2) a short training
    never finds them. That holds of pseudo labels too, errors and all (docs/experiments/transfers.md).

    Args:
        outputs: `maps` `[N, C, H, W]`.
        labels: `classes` or `probabilities`, and, where only some pixels count, `kept` `[N, H, W]`.
    """
    wanted = _probabilities(labels, outputs["maps"].shape[1])
    logarithms = outputs["maps"].log_softmax(dim=1)
    count = wanted.sum(dim=(0, 2, 3))
    weights = (count / count.sum().clamp(min=1) + _RAREST).rsqrt()
    entropy = -((wanted * logarithms).sum(dim=(0, 2, 3)) * weights).sum() / (count * weights).sum().clamp(min=1e-6)
    predicted = logarithms.exp() * wanted.sum(dim=1, keepdim=True)
    overlap = (predicted * wanted).sum(dim=(0, 2, 3))
    dice = (2 * overlap + 1) / (predicted.sum(dim=(0, 2, 3)) + count + 1)
    return entropy + 1 - dice.mean()


def _probabilities(labels: dict[str, Tensor], classes: int) -> Tensor:
    """Return labels as `[N, C, H, W]` that sum to 1 over the classes, to 0 where a pixel does not count."""
    if "classes" in labels:
        wanted = labels["classes"].long()
        is_known = wanted != UNKNOWN_CLASS
        hot = F.one_hot(torch.where(is_known, wanted, 0), classes) * is_known[..., None]
        return hot.permute(0, 3, 1, 2).float()
    found = labels["probabilities"].float() / 255
    return found * labels["kept"][:, None] if "kept" in labels else found


def decode(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return the prediction: `classes` `[N, H, W]` uint8."""
    return {"classes": outputs["maps"].argmax(dim=1).to(torch.uint8)}


def comparison(spec: LabelSpec, other: LabelSpec) -> Compare | None:
    """Return what compares class maps `[N, H, W]` of two networks, of the classes that both name."""
    common = common_names(spec.names, other.names)
    mine, theirs = ([names.index(name) for name in common] for names in (spec.names, other.names))
    return (lambda one, two: segmentation_agreements(one, two, mine, theirs)) if common else None


def scores(
    predicted: Mapping[str, NDArray[Any]], annotations: Annotations, spec: LabelSpec, shared: Shared | None = None
) -> Scores:
    """Return `iou` of each class of the annotations over the whole set, and `miou`, the mean of the classes present.

    With `shared`, `shared_iou` and `shared_miou` of those classes stand beside them.
    """
    truth, names = annotations.segmentation, annotations.names.classes
    assert truth is not None
    own = spec.names if set(spec.names) == set(names) else names
    found = _of_classes(
        "iou", "miou", predicted["classes"], truth, own, (_places(own, spec.names), _places(own, names))
    )
    if shared is None:
        return found
    places = [_places(shared.names, [shared.of(name) for name in listed]) for listed in (spec.names, names)]
    return found | _of_classes("shared_iou", "shared_miou", predicted["classes"], truth, shared.names, tuple(places))


def _places(wanted: Sequence[str], names: Sequence[str | None]) -> NDArray[np.uint8]:
    """Return for each class its place among those wanted, the number of these for another; what is not known stays."""
    places = np.full(UNKNOWN_CLASS + 1, UNKNOWN_CLASS, np.uint8)
    places[: len(names)] = [wanted.index(name) if name in wanted else len(wanted) for name in names]
    return places


def _of_classes(
    metric: str,
    mean: str,
    predicted: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    names: Sequence[str],
    places: tuple[NDArray[np.uint8], ...],
) -> Scores:
    """Return the IoU of some classes and their mean; other classes count as "none of these".

    Args:
        metric, mean: names of the two.
        predicted, truth: class maps `[N, H, W]`.
        names: the classes.
        places: of each class of the prediction and of the truth its place among the names.
    """
    whole = iou(places[0][predicted], places[1][truth], len(names) + 1)
    numerators, denominators = whole.numerators[:, :-1], whole.denominators[:, :-1]
    of_each = {
        (metric, name): Ratio(numerators[:, [place]], denominators[:, [place]]) for place, name in enumerate(names)
    }
    return {**of_each, (mean, ""): Ratio(numerators, denominators)}
