"""Pose: in-plane rotation, scale and shift of the figure."""

import torch
from torch import Tensor

from stylealign.applications.zero_shot.networks import LabelSpec
from stylealign.datasets.annotations import POSE, Annotations

_UNITS = {"rotation_deg": 15.0, "log2_scale": 0.13, "shift_x": 0.05, "shift_y": 0.05}
"""About one standard deviation of each number: the network predicts in these units."""


def spec(resolution_px: int) -> LabelSpec:
    """Return the network's shape."""
    return LabelSpec("pose", POSE, resolution_px, maps=0, numbers=len(POSE))


def annotated(annotations: Annotations) -> dict[str, Tensor]:
    """Return the annotated `pose` `[N, 4]` in the network's units."""
    pose = torch.from_numpy(annotations.pose).float()
    return {"pose": pose / _units(pose)}


def pseudo(outputs: dict[str, Tensor], resolution_px: int) -> dict[str, Tensor]:
    """Return a network's prediction as labels, in the network's units."""
    return {"pose": outputs["numbers"]}


def mirrored(labels: dict[str, Tensor], which: Tensor) -> dict[str, Tensor]:
    """Return the labels of images of which those in `which` `[N]` bool were mirrored: rotation and x shift turn."""
    pose = labels["pose"]
    signs = pose.new_tensor([-1.0 if name in ("rotation_deg", "shift_x") else 1.0 for name in POSE])
    return {"pose": torch.where(which[:, None], pose * signs, pose)}


def loss(outputs: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Return the smooth L1 error of the pose in the network's units."""
    return torch.nn.functional.smooth_l1_loss(outputs["numbers"], labels["pose"], beta=0.2)


def decode(outputs: dict[str, Tensor], resolution_px: int) -> dict[str, Tensor]:
    """Return `pose` `[N, 4]`: degrees, binary logarithm, shares of the frame."""
    return {"pose": outputs["numbers"] * _units(outputs["numbers"])}


def _units(like: Tensor) -> Tensor:
    return like.new_tensor([_UNITS[name] for name in POSE])
