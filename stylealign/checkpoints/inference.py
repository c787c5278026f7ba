"""The architecture of a model, from the shapes of its tensors: what a file says of itself may be missing or wrong."""

import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from stylealign.checkpoints.variants import unsupported_generator
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture

RESAMPLE_FILTER = (1.0, 3.0, 3.0, 1.0)


def infer_architecture(generator: Mapping[str, Tensor], hints: Mapping[str, Any], source: str) -> Architecture:
    """Return the architecture of a generator.

    Args:
        generator: its state dict, names as in StyleGAN2-ADA (PyTorch).
        hints: fields that no shape shows (conv_clamp, ...); channel_base is used only where the shapes leave it open.
        source: the file, for errors.

    Raises:
        StyleAlignError: tensors that no StyleGAN2 generator has.
    """
    variant = unsupported_generator(generator)
    if variant is not None:
        raise StyleAlignError(f"{source}: {variant}")
    blocks = sorted(
        int(match[1]) for name in generator if (match := re.fullmatch(r"synthesis\.b(\d+)\.conv1\.weight", name))
    )
    layers = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in generator)
    if not blocks or blocks != [2**power for power in range(2, 2 + len(blocks))] or not layers:
        raise StyleAlignError(
            f"{source}: its tensors are not those of a StyleGAN2 generator (skip architecture); not supported"
        )
    channels = {r: _shape(generator, f"synthesis.b{r}.conv1.weight", 4, source)[0] for r in blocks}
    base, most = channel_rule(channels, hints.get("channel_base"), source)
    w_dim = _shape(generator, "synthesis.b4.conv1.affine.weight", 2, source)[1]
    c_dim = _shape(generator, "mapping.embed.weight", 2, source)[1] if "mapping.embed.weight" in generator else 0
    fields = {
        "resolution": blocks[-1],
        "w_dim": w_dim,
        "c_dim": c_dim,
        "z_dim": _shape(generator, "mapping.fc0.weight", 2, source)[1] - (w_dim if c_dim else 0),
        "mapping_layers": layers,
        "channel_base": base,
        "channel_max": most,
        "img_channels": _shape(generator, "synthesis.b4.torgb.weight", 4, source)[0],
    }
    try:
        return Architecture.model_validate({**hints, **fields})
    except ValidationError as error:
        problem = error.errors()[0]
        raise StyleAlignError(
            f"{source}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}; not supported"
        ) from error


def channel_rule(channels: Mapping[int, int], hint: int | None, source: str) -> tuple[int, int]:
    """Return (channel_base, channel_max) with ``channels[r] == min(channel_base // r, channel_max)`` for all r.

    Shapes leave channel_base open within a range; `hint` is taken where it is in it, else the least.

    Raises:
        StyleAlignError: channels that follow no such rule.
    """
    most = max(channels.values())
    least = max(resolution * count for resolution, count in channels.items())
    base = hint if hint is not None and hint >= least else least
    for candidate in (base, least):
        if all(min(candidate // resolution, most) == count for resolution, count in channels.items()):
            return candidate, most
    raise StyleAlignError(f"{source}: channels {dict(channels)} by resolution follow no known rule; not supported")


def check_filter(kernel: Tensor, gain: float, name: str, source: str) -> None:
    """Check that a stored low-pass filter is [1, 3, 3, 1] (outer product, sum `gain`), the only one supported.

    Raises:
        StyleAlignError: another filter.
    """
    total = sum(RESAMPLE_FILTER)
    row = [value / total * math.sqrt(gain) for value in RESAMPLE_FILTER]
    expected = [a * b for a in row for b in row]
    given = kernel.double().flatten().tolist()
    if len(given) != 16 or any(abs(a - b) > 1e-5 for a, b in zip(given, expected, strict=True)):
        raise StyleAlignError(f"{source}: {name} is not the [1, 3, 3, 1] filter; other filters are not supported")


def _shape(tensors: Mapping[str, Tensor], name: str, dimensions: int, source: str) -> list[int]:
    shape = list(tensors[name].shape) if name in tensors else []
    if len(shape) != dimensions:
        raise StyleAlignError(f"{source}: {name} is missing or of a wrong shape {shape}; the file is incomplete")
    return shape
