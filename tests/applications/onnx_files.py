"""Small ONNX files, made by PyTorch's exporter, with the YAML that describes them."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn


class Brightness(nn.Module):
    """Classes by brightness (in pixels from 0 to 1): `[N, 2, h, w]` scores of dark and light."""

    def forward(self, images: Tensor) -> Tensor:
        light = images.mean(dim=1, keepdim=True)
        return torch.cat([(0.5 - light) * 50, (light - 0.5) * 50], dim=1)


class Colours(nn.Module):
    """The mean of each colour, `[N, 3]`, in the order of the input."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3))


class Channels(nn.Module):
    """The image itself as heat maps, one for each colour."""

    def forward(self, images: Tensor) -> Tensor:
        return images * 1.0


class Two(nn.Module):
    """Two outputs."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images.mean(dim=(2, 3)), images * 1.0


class Mixed(nn.Module):
    """Two images, one output."""

    def forward(self, images: Tensor, others: Tensor) -> Tensor:
        return (images + others).mean(dim=(2, 3))


def write_onnx(
    path: Path,
    network: nn.Module,
    size: int = 16,
    free: bool = False,
    names: Sequence[str] = ("out",),
    inputs: int = 1,
    shape: tuple[int, ...] = (),
) -> Path:
    """Write a network; `free` leaves the number of images and their size open."""
    ports = [f"image{number or ''}" for number in range(inputs)]
    axes = {"image": {0: "n", 2: "h", 3: "w"}} if free else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            tuple(torch.rand(shape or (1, 3, size, size)) for _ in ports),
            str(path),
            input_names=ports,
            output_names=list(names),
            dynamic_axes=axes,
            dynamo=False,
            opset_version=17,
        )
    return path


def write_labeller(folder: Path, network: nn.Module, name: str = "net", **keys: Any) -> Path:
    """Write NAME.onnx and NAME.yaml and return the latter."""
    exported = {key: keys.pop(key) for key in ("size", "free", "ports") if key in keys}
    write_onnx(
        folder / f"{name}.onnx",
        network,
        exported.get("size", 16),
        exported.get("free", False),
        exported.get("ports", ("out",)),
    )
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(keys, sort_keys=False))
    return file
