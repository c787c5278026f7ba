"""The label network: a small encoder with a decoder for dense labels, and its file."""

import dataclasses
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from stylealign.datasets.label_names import LabelNames
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, utf8_path
from stylealign.metrics.bootstrap import Ratio

_FORMAT = "stylealign-label-network-1"
_HEADER_KEY = "stylealign"
_WIDEST = 6
"""Widest layers, in multiples of the first."""


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


class LabelNetwork(nn.Module):
    """Encoder to 4x4, decoder to half the image's size, and a 2x2 transpose convolution to its full size.

    The 4x4 features, position included, give the numbers; the decoder adds the encoder's features at each size.
    """

    def __init__(self, spec: LabelSpec) -> None:
        super().__init__()
        self.spec = spec
        sizes = spec.resolution_px.bit_length() - 3
        widths = [spec.width * min(2**level, _WIDEST) for level in range(sizes)]
        self.entry = _conv(12, widths[0])
        self.down = nn.ModuleList(nn.Sequential(_conv(a, b, stride=2), _conv(b, b)) for a, b in pairwise(widths))
        if spec.numbers:
            self.numbers = nn.Linear(widths[-1] * 16, spec.numbers)
        if spec.maps:
            self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
            self.up = nn.ModuleList(_conv(a, a) for a, _ in pairwise(widths))
            self.maps = nn.ConvTranspose2d(widths[0], spec.maps, 2, 2)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the raw outputs.

        Args:
            images: `[N, 3, r, r]` float32 in [-1, 1].

        Returns:
            `maps` `[N, M, r, r]` and `numbers` `[N, K]`, those that the network has.
        """
        size = self.spec.resolution_px
        assert images.shape[1:] == (3, size, size), f"images must be [N, 3, {size}, {size}], not {list(images.shape)}"
        levels = [self.entry(F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last))]
        for layer in self.down:
            levels.append(layer(levels[-1]))
        outputs = {}
        if self.spec.numbers:
            outputs["numbers"] = self.numbers(levels[-1].flatten(1))
        if self.spec.maps:
            x = levels[-1]
            for level in reversed(range(len(self.down))):
                wider = F.interpolate(self.lateral[level](x), scale_factor=2.0, mode="nearest")
                x = self.up[level](wider + levels[level])
            outputs["maps"] = self.maps(x)
        return outputs


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True))


def save_label_network(path: str | Path, network: LabelNetwork, provenance: dict[str, Any]) -> None:
    """Write a network as safetensors; the header says task, names, resolution and provenance.

    Args:
        path: file to write.
        network: the network.
        provenance: JSON object: how it was trained, on what.
    """
    header = {"format": _FORMAT, "spec": dataclasses.asdict(network.spec), "provenance": provenance}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_path(path) as temporary, utf8_path(temporary) as writable:
        save_file(tensors, writable, metadata={_HEADER_KEY: json.dumps(header, sort_keys=True)})


def load_label_network(
    path: str | Path, task: str | None = None, resolution_px: int | None = None
) -> tuple[LabelNetwork, dict[str, Any]]:
    """Read a network of `save_label_network`, in evaluation mode, frozen.

    Args:
        path: the file.
        task: task the caller needs, None for any.
        resolution_px: size of the caller's images, None for any.

    Returns:
        The network and its provenance.

    Raises:
        StyleAlignError: missing or damaged file, not a label network, or one of another task or image size.
    """
    header, tensors = _read(path)
    try:
        spec = LabelSpec.of_header(header["spec"])
        network = LabelNetwork(spec)
        network.load_state_dict(tensors)
        provenance = header["provenance"]
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise StyleAlignError(f"{path}: damaged label network ({reason}); train it again") from error
    if task is not None and spec.task != task:
        raise StyleAlignError(f"{path}: labels {spec.task} where {task} is needed; give a network of `--task {task}`")
    if resolution_px is not None and spec.resolution_px != resolution_px:
        raise StyleAlignError(
            f"{path}: made for {spec.resolution_px} px images, not {resolution_px} px; train it on images of this size"
        )
    return network.eval().requires_grad_(False), provenance


def _read(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with utf8_path(path) as readable, safe_open(readable, framework="pt", device="cpu") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER_KEY, "{}"))
            if header.get("format") != _FORMAT:
                raise StyleAlignError(
                    f"{path}: not a label network of this version; train it with `stylealign supervise`"
                )
            keys = list(file.keys())
            return header, {name: file.get_tensor(name) for name in keys}
    except FileNotFoundError as error:
        raise StyleAlignError(f"{path}: no such file; train it with `stylealign supervise` or `transfer`") from error
    except (OSError, SafetensorError, json.JSONDecodeError, AttributeError) as error:
        raise StyleAlignError(f"{path}: truncated or damaged ({error}); train it again") from error
