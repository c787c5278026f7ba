"""Key points: a heat map each, its expected position, and whether the point is visible."""

import torch
from torch import Tensor
from torch.nn import functional as F

from stylealign.applications.zero_shot.networks import LabelSpec
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.label_names import mirrored_order

_SPREAD = 1 / 64
"""Standard deviation of the target heat map, as a share of the frame."""
_DISTANCE_WEIGHT = 10.0
_VISIBLE_WEIGHT = 0.1


def spec(resolution_px: int, annotations: Annotations) -> LabelSpec | None:
    """Return the network's shape, None for annotations without key points."""
    if annotations.keypoints is None:
        return None
    points = annotations.names.keypoints
    swapped = annotations.names.swapped
    return LabelSpec("keypoints", points, resolution_px, maps=len(points), numbers=len(points), swapped=swapped)


def annotated(annotations: Annotations, spec: LabelSpec) -> dict[str, Tensor]:
    """Return `positions` `[N, K, 2]` as shares of the frame and `visible` `[N, K]` in {0, 1}."""
    assert annotations.keypoints is not None
    positions = torch.from_numpy(annotations.keypoints / spec.resolution_px).float()
    return {"positions": positions, "visible": torch.from_numpy(annotations.visible).float()}


def pseudo(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return a network's predictions as labels; `visible` is its probability, rounded."""
    return {"positions": _expected(outputs["maps"]), "visible": (outputs["numbers"] > 0).float()}


def mirrored(labels: dict[str, Tensor], which: Tensor, spec: LabelSpec) -> dict[str, Tensor]:
    """Return the labels of images of which those in `which` `[N]` bool were mirrored: left and right change names."""
    order = mirrored_order(spec.names, spec.swapped)
    positions, visible = labels["positions"], labels["visible"]
    flipped = positions[:, order] * positions.new_tensor([-1.0, 1.0]) + positions.new_tensor([1.0, 0.0])
    return {"positions": torch.where(which[:, None, None], flipped, positions),
            "visible": torch.where(which[:, None], visible[:, order], visible)}  # fmt: skip


def loss(outputs: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Return heat-map cross-entropy plus position error over visible points, plus the loss of visibility.

    Positions come from the heat map's mean (Nibali et al. 2018, "Numerical Coordinate Regression with CNNs").
    """
    maps, positions, visible = outputs["maps"], labels["positions"], labels["visible"]
    entropy = -(_heat_maps(positions, maps.shape[-1]) * maps.flatten(2).log_softmax(dim=2)).sum(dim=2)
    distance = (_expected(maps) - positions).norm(dim=2)
    points = ((entropy + _DISTANCE_WEIGHT * distance) * visible).sum() / visible.sum().clamp(min=1)
    return points + _VISIBLE_WEIGHT * F.binary_cross_entropy_with_logits(outputs["numbers"], visible)


def _centres(size: int, like: Tensor) -> Tensor:
    """Return the pixel centres `[size]` as shares of the frame."""
    return (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) / size


def _heat_maps(positions: Tensor, size: int) -> Tensor:
    """Return Gaussians `[N, K, size * size]` that sum to 1; points outside the frame lie on its edge."""
    offsets = _centres(size, positions) - positions.clamp(0, 1)[..., None]
    columns, rows = F.softmax(-0.5 * (offsets / _SPREAD).square(), dim=-1).unbind(dim=2)
    return (rows[..., :, None] * columns[..., None, :]).flatten(2)


def _expected(maps: Tensor) -> Tensor:
    """Return the mean position `[N, K, 2]` (x, y) of each heat map, as shares of the frame."""
    heat = maps.flatten(2).softmax(dim=2).unflatten(2, maps.shape[2:])
    centres = _centres(maps.shape[-1], maps)
    return torch.stack([(heat.sum(dim=2) * centres).sum(dim=2), (heat.sum(dim=3) * centres).sum(dim=2)], dim=2)


def decode(outputs: dict[str, Tensor], spec: LabelSpec) -> dict[str, Tensor]:
    """Return `keypoints` `[N, K, 2]` (x, y) in pixels and `visible` `[N, K]` probabilities."""
    return {"keypoints": _expected(outputs["maps"]) * spec.resolution_px, "visible": outputs["numbers"].sigmoid()}
