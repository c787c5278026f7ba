"""Networks of the StyleGAN2 family beside the one supported: what they are called, and grey ones as RGB networks."""

import math
import re
from collections.abc import Mapping

from torch import Tensor

from stylealign.networks.discriminator import LABEL_LAYERS

RGB = 3


def unsupported_generator(tensors: Mapping[str, Tensor]) -> str | None:
    """Return what a generator is, if its tensors (named as in StyleGAN2-ADA) are those of an unsupported variant."""
    const = tensors.get("synthesis.b4.const")
    if const is not None and const.ndim == 3 and tuple(const.shape[1:]) != (4, 4):
        height, width = const.shape[1:]
        start = f"starts from {height} x {width} cells"
        if height != width:
            return f"draws images that are not square ({start}); only square networks are supported"
        return f"{start}, not from 4 x 4: its images are no power of two wide; only those of 4 to 1024 px are supported"
    blocks = [int(match[1]) for name in tensors if (match := re.fullmatch(r"synthesis\.b(\d+)\.conv1\.weight", name))]
    without_rgb = [r for r in blocks if f"synthesis.b{r}.torgb.weight" not in tensors]
    if without_rgb and max(blocks) not in without_rgb:
        residual = any(re.fullmatch(r"synthesis\.b\d+\.skip\.weight", name) for name in tensors)
        return other_architecture("generator", "resnet" if residual else "orig", "skip")
    return None


def unsupported_discriminator(tensors: Mapping[str, Tensor]) -> str | None:
    """Return what a discriminator is, as `unsupported_generator` does."""
    blocks = sorted(int(match[1]) for name in tensors if (match := re.fullmatch(r"b(\d+)\.conv0\.weight", name)))
    if blocks and not any(f"b{r}.skip.weight" in tensors for r in blocks):
        several = sum(f"b{r}.fromrgb.weight" in tensors for r in blocks) > 1
        return other_architecture("discriminator", "skip" if several else "orig", "resnet")
    layers = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in tensors)
    if "mapping.embed.weight" in tensors and layers != LABEL_LAYERS:
        return f"its discriminator maps labels by {layers} layers; only {LABEL_LAYERS} are supported"
    return None


def other_architecture(network: str, found: str, supported: str) -> str:
    """Return the reason for refusing a network (generator or discriminator) of another architecture."""
    return f"its {network} is of the {found!r} architecture; only {supported!r}, StyleGAN2's own, is supported"


def grey_to_rgb(networks: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """Return networks of one colour channel as RGB networks that draw the same grey images, with the same logits.

    The three colours are copies of the one; the discriminator's first weights are divided by sqrt 3, since equalised
    weights of three channels are scaled by 1 / sqrt 3 and meet the same value three times.
    """
    changed = {}
    for name, state in networks.items():
        changed[name] = {key: _in_rgb(key, value) for key, value in state.items()}
    return changed


def _in_rgb(name: str, value: Tensor) -> Tensor:
    if name.endswith("torgb.weight"):
        return value.repeat(RGB, 1, 1, 1)
    if name.endswith("torgb.bias"):
        return value.repeat(RGB)
    if name.endswith("fromrgb.weight"):
        return value.repeat(1, RGB, 1, 1) / math.sqrt(RGB)
    return value
