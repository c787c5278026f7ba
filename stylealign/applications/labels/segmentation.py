"""Segmentation: one class a pixel."""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.applications.labels.networks import LabelSpec, Scores
from stylealign.datasets.annotations import Annotations, renumbered
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
    return LabelSpec("segmentation", classes, resolution_px, maps=len(classes), numbers=0)


def annotated(annotations: Annotations, spec: LabelSpec) -> dict[str, Tensor]:
    """Return the annotated labels: `classes` `[N, H, W]` uint8."""
    return {"classes": torch.from_numpy(annotations.segmentation)}


def pseudo(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return soft labels from a network's outputs: `probabilities` `[N, C, H, W]` uint8, in steps of 1/255."""
    return {"probabilities": (outputs["maps"].softmax(dim=1) * 255).round().to(torch.uint8)}


def mirrored(labels: dict[str, Tensor], which: Tensor, spec: LabelSpec) -> dict[str, Tensor]:
    """Return the labels of images of which those in `which` `[N]` bool were mirrored left to right."""
    mask = which[:, None, None]
    return {
        name: torch.where(mask if value.ndim == 3 else mask[:, None], value.flip(-1), value)
        for name, value in labels.items()
    }


def loss(outputs: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Return weighted cross-entropy plus the soft Dice loss.

    Eyes are 0.4 % of the pixels: without class weights (frequency in the batch to the power -1/2) a short training
    never finds them.

    Args:
        outputs: `maps` `[N, C, H, W]`.
        labels: `classes` or `probabilities`.
    """
    wanted = _probabilities(labels, outputs["maps"].shape[1])
    logarithms = outputs["maps"].log_softmax(dim=1)
    count = wanted.sum(dim=(0, 2, 3))
    weights = (count / count.sum() + _RAREST).rsqrt()
    entropy = -((wanted * logarithms).sum(dim=(0, 2, 3)) * weights).sum() / (count * weights).sum()
    predicted = logarithms.exp()
    overlap = (predicted * wanted).sum(dim=(0, 2, 3))
    dice = (2 * overlap + 1) / (predicted.sum(dim=(0, 2, 3)) + count + 1)
    return entropy + 1 - dice.mean()


def _probabilities(labels: dict[str, Tensor], classes: int) -> Tensor:
    if "classes" in labels:
        return F.one_hot(labels["classes"].long(), classes).permute(0, 3, 1, 2).float()
    return labels["probabilities"].float() / 255


def decode(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return the prediction: `classes` `[N, H, W]` uint8."""
    return {"classes": outputs["maps"].argmax(dim=1).to(torch.uint8)}


def comparison(spec: LabelSpec, other: LabelSpec) -> Compare | None:
    """Return what compares class maps `[N, H, W]` of two networks, of the classes that both name."""
    common = common_names(spec.names, other.names)
    mine, theirs = ([names.index(name) for name in common] for names in (spec.names, other.names))
    return (lambda one, two: segmentation_agreements(one, two, mine, theirs)) if common else None


def scores(predicted: Mapping[str, NDArray[Any]], annotations: Annotations, spec: LabelSpec) -> Scores:
    """Return `iou` of each class over the whole set, and `miou`, the mean of the classes present."""
    truth = renumbered(annotations.segmentation, annotations.names.classes, spec.names)
    whole = iou(predicted["classes"], truth, len(spec.names))
    classes = {
        ("iou", name): Ratio(whole.numerators[:, [place]], whole.denominators[:, [place]])
        for place, name in enumerate(spec.names)
    }
    return {**classes, ("miou", ""): whole}
