"""What a label network predicts, and what every label network is."""

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from stylealign.datasets.label_names import LabelNames
from stylealign.metrics.bootstrap import Ratio

Scores = dict[tuple[str, str], Ratio]
"""Metric and the class, key point or number that it is of (empty for all) -> the score, which can be resampled."""


@dataclasses.dataclass(frozen=True)
class LabelSpec:
    """What a label network predicts, and its shape.

    Attributes:
        task: segmentation, keypoints, pose or attributes.
        names: names of the predicted things: classes, key points, pose numbers, or values of attributes.
        resolution_px: height and width of its images.
        maps: output channels at the images' resolution (0: no decoder).
        numbers: output numbers beside them.
        width: channels of the first layer.
        swapped: pairs of names that change places when an image is mirrored.
        negated: names whose numbers change sign then.
        units: for each number of a pose, what the network counts it in.
        network: `small`, or ARCHITECTURE/ENCODER of segmentation-models-pytorch.
    """

    task: str
    names: tuple[str, ...]
    resolution_px: int
    maps: int
    numbers: int
    width: int = 16
    swapped: tuple[tuple[str, str], ...] = ()
    negated: tuple[str, ...] = ()
    units: tuple[float, ...] = ()
    network: str = "small"

    def header(self) -> dict[str, Any]:
        """Return the fields as they stand in a file; of the small network as ever."""
        fields = dataclasses.asdict(self)
        return fields if self.network != "small" else {key: fields[key] for key in fields if key != "network"}

    @classmethod
    def of_header(cls, fields: dict[str, Any]) -> "LabelSpec":
        """Return the spec that a file's header holds; older files leave to the names what they say by themselves.

        Raises:
            KeyError, TypeError: not such a header.
        """
        plain = LabelNames(keypoints=tuple(fields["names"]), values=tuple(fields["names"]))
        complete = {"swapped": plain.swapped, "negated": plain.negated, "units": (), **fields}
        lists = {name: tuple(complete[name]) for name in ("names", "negated", "units")}
        return cls(**complete | lists | {"swapped": tuple((left, right) for left, right in complete["swapped"])})


class Labeller(nn.Module):
    """A network that labels images: one of this project, or one that was trained elsewhere.

    It maps images `[N, 3, r, r]` float32 in [-1, 1] to outputs by name: `maps` `[N, M, r, r]` and `numbers` `[N, K]`,
    those that its spec says; for `positions` `[N, K, 2]`, as shares of the frame, see the task of key points.
    """

    spec: LabelSpec

    @property
    def device(self) -> torch.device:
        """The device that it takes images on."""
        return next(self.parameters()).device

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name."""
        outputs: dict[str, Tensor] = super().__call__(images)
        return outputs

    def encoded(self, images: Tensor) -> Tensor | None:
        """Return the encoder's last features, averaged over places, `[N, C]`; None where a file shows none."""
        return None

    def looked(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return the outputs by name, and what `encoded` returns."""
        return self(images), None
