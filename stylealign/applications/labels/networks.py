"""The label network: a small encoder with a decoder for dense labels, and its file."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from stylealign.applications.labels.library_network import LibraryNetwork
from stylealign.applications.labels.onnx_network import OnnxLabeller, read_labeller
from stylealign.applications.labels.spec import Labeller, LabelSpec, Scores
from stylealign.config import LabellerSettings
from stylealign.config.labeller_files import is_description
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, utf8_path
from stylealign.networks.onnx_session import OnnxModel

__all__ = [
    "LabelNetwork",
    "LabelSpec",
    "Labeller",
    "Scores",
    "is_label_network",
    "load_label_network",
    "save_label_network",
]

_FORMAT = "stylealign-label-network-1"
_HEADER_KEY = "stylealign"
_WIDEST = 6
"""Widest layers, in multiples of the first."""
_ONNX = "onnx"
"""Tensor with the bytes of an ONNX file, and its description in the header."""


class LabelNetwork(Labeller):
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
        return self._outputs(self._levels(images))

    def encoded(self, images: Tensor) -> Tensor:
        """Return the features of 4x4 px, averaged over places, `[N, C]`, of images as `forward` takes them."""
        return self._levels(images)[-1].mean(dim=(2, 3))

    def looked(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return what `forward` and `encoded` return; the encoder runs once."""
        levels = self._levels(images)
        return self._outputs(levels), levels[-1].mean(dim=(2, 3))

    def _outputs(self, levels: list[Tensor]) -> dict[str, Tensor]:
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

    def _levels(self, images: Tensor) -> list[Tensor]:
        """Return the encoder's features from half the image's size to 4x4."""
        size = self.spec.resolution_px
        assert images.shape[1:] == (3, size, size), f"images must be [N, 3, {size}, {size}], not {list(images.shape)}"
        levels = [self.entry(F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last))]
        for layer in self.down:
            levels.append(layer(levels[-1]))
        return levels


def network_of(spec: LabelSpec) -> Labeller:
    """Return a network with random weights of the kind that a spec names.

    Raises:
        StyleAlignError: a kind that is not known or not installed.
    """
    return LabelNetwork(spec) if spec.network == "small" else LibraryNetwork(spec)


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True))


def save_label_network(path: str | Path, network: Labeller, provenance: dict[str, Any]) -> None:
    """Write a network as safetensors; the header says task, names, resolution and provenance.

    An ONNX file becomes a tensor of bytes, and its description stands in the header: one file holds both.

    Args:
        path: file to write.
        network: the network.
        provenance: JSON object: how it was trained, on what.
    """
    header = {"format": _FORMAT, "spec": network.spec.header(), "provenance": provenance}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    if isinstance(network, OnnxLabeller):
        header[_ONNX] = network.settings.model_dump_json(exclude_none=True, exclude={"onnx"})  # text: keeps its order
        tensors = {_ONNX: torch.from_numpy(np.frombuffer(network.model.content, np.uint8).copy())}
    with atomic_path(path) as temporary, utf8_path(temporary) as writable:
        save_file(tensors, writable, metadata={_HEADER_KEY: json.dumps(header, sort_keys=True)})


def load_label_network(
    path: str | Path, task: str | None = None, resolution_px: int | None = None
) -> tuple[Labeller, dict[str, Any]]:
    """Read a network of `save_label_network`, or an ONNX file by its YAML, in evaluation mode, frozen.

    Args:
        path: the file.
        task: task the caller needs, None for any.
        resolution_px: size of the caller's images, None for any.

    Returns:
        The network and its provenance.

    Raises:
        StyleAlignError: missing or damaged file, not a label network, or one of another task or image size.
    """
    network, provenance = _load(path, resolution_px)
    spec = network.spec
    if task is not None and spec.task != task:
        raise StyleAlignError(f"{path}: labels {spec.task} where {task} is needed; give a network of `--task {task}`")
    if resolution_px is not None and spec.resolution_px != resolution_px:
        raise StyleAlignError(
            f"{path}: made for {spec.resolution_px} px images, not {resolution_px} px; train it on images of this size"
        )
    return network.eval().requires_grad_(False), provenance


def _load(path: str | Path, resolution_px: int | None) -> tuple[Labeller, dict[str, Any]]:
    """Return a network of any kind; one that takes images of any size gets those of `resolution_px`."""
    if is_description(path):
        return read_labeller(path, resolution_px), {}
    header, tensors = _read(path)
    try:
        if _ONNX in header:
            settings = LabellerSettings.model_validate_json(header[_ONNX])
            model = OnnxModel(tensors[_ONNX].numpy().tobytes(), str(path))
            return OnnxLabeller(model, settings, str(path), resolution_px), header["provenance"]
        network = network_of(LabelSpec.of_header(header["spec"]))
        network.load_state_dict(tensors)
        if not all(tensor.isfinite().all() for tensor in tensors.values()):
            raise ValueError("a weight is NaN or infinite")
        return network, header["provenance"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise StyleAlignError(f"{path}: damaged label network ({reason}); train it again") from error


def is_label_network(path: str | Path) -> bool:
    """Return whether a file is a label network of `save_label_network`, of this version or not."""
    try:
        with utf8_path(path) as readable, safe_open(readable, framework="pt", device="cpu") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER_KEY, "{}"))
    except (OSError, SafetensorError, json.JSONDecodeError):
        return False
    return isinstance(header, dict) and str(header.get("format", "")).startswith(_FORMAT.rpartition("-")[0])


def _read(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with utf8_path(path) as readable, safe_open(readable, framework="pt", device="cpu") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER_KEY, "{}"))
            if header.get("format") != _FORMAT:
                is_older = str(header.get("format", "")).startswith(_FORMAT.rpartition("-")[0])
                raise StyleAlignError(
                    f"{path}: not a label network of this version, but of another; train it again"
                    if is_older
                    else f"{path}: not a label network; give a file of `stylealign supervise` or `transfer`"
                )
            keys = list(file.keys())
            return header, {name: file.get_tensor(name) for name in keys}
    except FileNotFoundError as error:
        raise StyleAlignError(f"{path}: no such file; train it with `stylealign supervise` or `transfer`") from error
    except (OSError, SafetensorError, json.JSONDecodeError, AttributeError) as error:
        if Path(path).suffix.lower() == ".onnx":
            described = Path(path).with_suffix(".yaml")
            raise StyleAlignError(
                f"{path}: an ONNX network is given by the YAML that says what it takes and gives, as {described} "
                "(docs/onnx.md)"
            ) from error
        what = "a folder" if Path(path).is_dir() else f"no label network, or a damaged one ({error})"
        raise StyleAlignError(f"{path}: {what}; give a file of `stylealign supervise` or `transfer`") from error
