"""The names of rosinality-style state dicts: one table, used for reading and for writing.

Nothing but a reshape lies between their tensors and ours, so both ways are exact.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from stylealign.networks.architecture import Architecture


@dataclass(frozen=True)
class Layout:
    """How one of our tensors is shaped over there."""

    extra_dimensions: int
    to_theirs: Callable[[Tensor], Tensor]
    to_ours: Callable[[Tensor], Tensor]


SAME = Layout(0, lambda ours: ours, lambda theirs: theirs)
BATCH = Layout(1, lambda ours: ours[None], lambda theirs: theirs[0])
SCALAR = Layout(1, lambda ours: ours.reshape(1), lambda theirs: theirs[0])
IMAGE = Layout(2, lambda ours: ours[None, None], lambda theirs: theirs[0, 0])
CHANNELS = Layout(3, lambda ours: ours.reshape(1, -1, 1, 1), lambda theirs: theirs[0, :, 0, 0])

Entry = tuple[str, str, Layout]
"""Their name, our name, their layout."""


def generator_entries(resolutions: list[int], mapping_layers: int) -> Iterator[Entry]:
    """Yield the tensors of a generator in their order."""
    for layer in range(mapping_layers):
        for part in ("weight", "bias"):
            yield f"style.{layer + 1}.{part}", f"mapping.fc{layer}.{part}", SAME
    yield "input.input", "synthesis.b4.const", BATCH
    yield from _styled("conv1", "synthesis.b4.conv1")
    yield from _to_rgb("to_rgb1", "synthesis.b4.torgb")
    for j, resolution in enumerate(resolutions[1:]):
        yield from _styled(f"convs.{2 * j}", f"synthesis.b{resolution}.conv0")
        yield from _styled(f"convs.{2 * j + 1}", f"synthesis.b{resolution}.conv1")
        yield from _to_rgb(f"to_rgbs.{j}", f"synthesis.b{resolution}.torgb")
    for k, layer_name in enumerate(noise_layers(resolutions)):
        yield f"noises.noise_{k}", f"{layer_name}.noise_const", IMAGE


def noise_layers(resolutions: list[int]) -> list[str]:
    """Return the layers that have noise, in order."""
    upper = [f"synthesis.b{resolution}.conv{i}" for resolution in resolutions[1:] for i in (0, 1)]
    return ["synthesis.b4.conv1", *upper]


def _styled(theirs: str, ours: str) -> Iterator[Entry]:
    yield f"{theirs}.conv.weight", f"{ours}.weight", BATCH
    yield f"{theirs}.conv.modulation.weight", f"{ours}.affine.weight", SAME
    yield f"{theirs}.conv.modulation.bias", f"{ours}.affine.bias", SAME
    yield f"{theirs}.noise.weight", f"{ours}.noise_strength", SCALAR
    yield f"{theirs}.activate.bias", f"{ours}.bias", SAME


def _to_rgb(theirs: str, ours: str) -> Iterator[Entry]:
    yield f"{theirs}.conv.weight", f"{ours}.weight", BATCH
    yield f"{theirs}.conv.modulation.weight", f"{ours}.affine.weight", SAME
    yield f"{theirs}.conv.modulation.bias", f"{ours}.affine.bias", SAME
    yield f"{theirs}.bias", f"{ours}.bias", CHANNELS


def discriminator_entries(resolutions: list[int]) -> Iterator[Entry]:
    """Yield the tensors of a discriminator in their order, top resolution first."""
    top = resolutions[-1]
    yield "convs.0.0.weight", f"b{top}.fromrgb.weight", SAME
    yield "convs.0.1.bias", f"b{top}.fromrgb.bias", SAME
    for i, resolution in enumerate(resolutions[:0:-1], start=1):
        yield f"convs.{i}.conv1.0.weight", f"b{resolution}.conv0.weight", SAME
        yield f"convs.{i}.conv1.1.bias", f"b{resolution}.conv0.bias", SAME
        yield f"convs.{i}.conv2.1.weight", f"b{resolution}.conv1.weight", SAME
        yield f"convs.{i}.conv2.2.bias", f"b{resolution}.conv1.bias", SAME
        yield f"convs.{i}.skip.1.weight", f"b{resolution}.skip.weight", SAME
    yield "final_conv.0.weight", "b4.conv.weight", SAME
    yield "final_conv.1.bias", "b4.conv.bias", SAME
    for i, layer in enumerate(("fc", "out")):
        for part in ("weight", "bias"):
            yield f"final_linear.{i}.{part}", f"b4.{layer}.{part}", SAME


def generator_filters(resolutions: list[int]) -> Iterator[str]:
    """Yield the names of the low-pass filters that a generator stores (up-sampling: sum 4)."""
    for j in range(len(resolutions) - 1):
        yield f"convs.{2 * j}.conv.blur.kernel"
        yield f"to_rgbs.{j}.upsample.kernel"


def discriminator_filters(resolutions: list[int]) -> Iterator[str]:
    """Yield the names of the low-pass filters that a discriminator stores (sum 1)."""
    for i in range(1, len(resolutions)):
        yield f"convs.{i}.conv2.0.kernel"
        yield f"convs.{i}.skip.0.kernel"


def not_expressible(architecture: Architecture) -> str | None:
    """Return why a network of this architecture has no rosinality-style form, or None if it has one."""
    if architecture.c_dim:
        return "is conditional, which the rosinality format cannot hold"
    if architecture.z_dim != architecture.w_dim:
        return f"has z_dim {architecture.z_dim} and w_dim {architecture.w_dim}; the rosinality format has one for both"
    if architecture.resolution < 8:
        return "is a 4 px network, which the rosinality format cannot hold"
    if not math.isclose(architecture.mapping_lr_multiplier, 0.01):
        return f"has a mapping_lr_multiplier of {architecture.mapping_lr_multiplier}; the rosinality format has 0.01"
    return None
