"""Key points: a heat map each, its expected position, and whether the point is visible."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.applications.labels.sharing import Shared
from stylealign.applications.labels.spec import LabelSpec, Scores
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.label_names import mirrored_order, pairs_among
from stylealign.metrics.seeing import Compare
from stylealign.metrics.structure import common_names, eye_vectors, keypoint_errors, keypoint_scores

_SPREAD = 1 / 64
"""Standard deviation of the target heat map, as a share of the frame."""
_DISTANCE_WEIGHT = 10.0
_VISIBLE_WEIGHT = 0.1
_NEAR = 0.05
"""Largest distance, as a share of the frame, of two predictions of a point that agree."""


def spec(resolution_px: int, annotations: Annotations) -> LabelSpec | None:
    """Return the network's shape, None for annotations without key points."""
    if annotations.keypoints is None:
        return None
    points = annotations.names.keypoints
    swapped = pairs_among(annotations.names.swapped, points)
    return LabelSpec("keypoints", points, resolution_px, maps=len(points), numbers=len(points), swapped=swapped)


def annotated(annotations: Annotations, spec: LabelSpec) -> dict[str, Tensor]:
    """Return `positions` `[N, K, 2]` as shares of the frame, and `visible` `[N, K]` in {0, 1}, NaN where not known."""
    assert annotations.keypoints is not None
    positions = torch.from_numpy(annotations.keypoints / spec.resolution_px).float()
    is_known = ~positions.isnan().any(dim=2)
    visible = torch.from_numpy(annotations.visible).float()
    return {"positions": positions.nan_to_num(), "visible": visible.where(is_known, torch.nan)}


def pseudo(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return a network's predictions as labels; `visible` is its probability, rounded."""
    return {"positions": _positions(outputs), "visible": (outputs["numbers"] > 0).float()}


def mirrored(labels: dict[str, Tensor], which: Tensor, spec: LabelSpec) -> dict[str, Tensor]:
    """Return the labels of images of which those in `which` `[N]` bool were mirrored: left and right change names."""
    order = mirrored_order(spec.names, spec.swapped)
    positions = labels["positions"]
    flipped = positions[:, order] * positions.new_tensor([-1.0, 1.0]) + positions.new_tensor([1.0, 0.0])
    of_points = {name: labels[name] for name in ("visible", "kept") if name in labels}
    return {
        "positions": torch.where(which[:, None, None], flipped, positions),
        **{name: torch.where(which[:, None], value[:, order], value) for name, value in of_points.items()},
    }


def kept(labels: dict[str, Tensor], seen: dict[str, Tensor]) -> Tensor:
    """Return which points two sets of pseudo labels see, or do not see, in one place, `[N, K]` bool."""
    is_near = (labels["positions"] - seen["positions"]).norm(dim=2) < _NEAR
    return (labels["visible"] == seen["visible"]) & (is_near | (labels["visible"] == 0))


def between(labels: dict[str, Tensor], seen: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean places of two sets of pseudo labels; a point is visible where the first one says so."""
    return {"positions": (labels["positions"] + seen["positions"]) / 2, "visible": labels["visible"]}


def loss(outputs: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Return heat-map cross-entropy plus position error over visible points, plus the loss of visibility.

    Positions come from the heat map's mean (Nibali et al. 2018, "Numerical Coordinate Regression with CNNs"). Where
    there is `kept` `[N, K]`, only those points count.
    """
    is_known = ~labels["visible"].isnan()
    counts = is_known & labels["kept"] if "kept" in labels else is_known
    maps, positions, visible = outputs["maps"], labels["positions"], labels["visible"].nan_to_num()
    entropy = -(_heat_maps(positions, maps.shape[-1]) * maps.flatten(2).log_softmax(dim=2)).sum(dim=2)
    distance = (_expected(maps) - positions).norm(dim=2)
    shown = visible * counts
    points = ((entropy + _DISTANCE_WEIGHT * distance) * shown).sum() / shown.sum().clamp(min=1)
    seen = F.binary_cross_entropy_with_logits(outputs["numbers"], visible, reduction="none")
    return points + _VISIBLE_WEIGHT * (seen * counts).sum() / counts.sum().clamp(min=1)


def _centres(size: int, like: Tensor) -> Tensor:
    """Return the pixel centres `[size]` as shares of the frame."""
    return (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) / size


def _heat_maps(positions: Tensor, size: int) -> Tensor:
    """Return Gaussians `[N, K, size * size]` that sum to 1; points outside the frame lie on its edge."""
    offsets = _centres(size, positions) - positions.clamp(0, 1)[..., None]
    columns, rows = F.softmax(-0.5 * (offsets / _SPREAD).square(), dim=-1).unbind(dim=2)
    return (rows[..., :, None] * columns[..., None, :]).flatten(2)


def _positions(outputs: dict[str, Tensor]) -> Tensor:
    """Return positions `[N, K, 2]` as shares of the frame: of networks that give such, or the means of heat maps."""
    return outputs["positions"] if "positions" in outputs else _expected(outputs["maps"])


def _expected(maps: Tensor) -> Tensor:
    """Return the mean position `[N, K, 2]` (x, y) of each heat map, as shares of the frame."""
    heat = maps.flatten(2).softmax(dim=2).unflatten(2, maps.shape[2:])
    centres = _centres(maps.shape[-1], maps)
    return torch.stack([(heat.sum(dim=2) * centres).sum(dim=2), (heat.sum(dim=3) * centres).sum(dim=2)], dim=2)


def decode(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return `keypoints` `[N, K, 2]` (x, y) in pixels and `visible` `[N, K]` probabilities."""
    return {"keypoints": _positions(outputs) * spec.resolution_px, "visible": outputs["numbers"].sigmoid()}


def comparison(spec: LabelSpec, other: LabelSpec) -> Compare | None:
    """Return what compares points `[N, K, 2]` of two networks, of the points that both name.

    Distances are shares of that of the first one's first pair of left and right.
    """
    common = common_names(spec.names, other.names)
    mine, theirs = ([names.index(name) for name in common] for names in (spec.names, other.names))
    if not common:
        return None

    def compare(one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.float64]:
        eyes = eye_vectors(one, spec.names, spec.swapped, spec.resolution_px)
        return keypoint_errors(one[:, mine], two[:, theirs], eyes)

    return compare


def scores(
    predicted: Mapping[str, NDArray[Any]], annotations: Annotations, spec: LabelSpec, shared: Shared | None = None
) -> Scores:
    """Return the errors of visible points, as shares of the distance of the annotations' first pair of left and right.

    With `shared`, only those points count. The pair is one whatever the networks name, and images without it do not
    count: methods on the same images have the same unit.
    """
    assert annotations.keypoints is not None
    assert annotations.visible is not None
    names = spec.names if shared is None else shared.names
    known = annotations.names
    order = [known.keypoints.index(name) for name in names]
    found = keypoint_scores(
        predicted["keypoints"][:, [spec.names.index(name) for name in names]],
        annotations.keypoints[:, order],
        annotations.visible[:, order],
        eye_vectors(annotations.keypoints, known.keypoints, known.swapped, spec.resolution_px),
    )
    of_points = {("nme_of_point", name): score for name, score in zip(names, found.nme_of, strict=True)}
    return {("nme", ""): found.nme, ("pck@0.1", ""): found.pck, ("nme_centred", ""): found.nme_centred, **of_points}
