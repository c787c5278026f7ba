"""What every checkpoint format is read into: an architecture and named tensors, checked against each other."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from stylealign.checkpoints.variants import RGB, grey_to_rgb, unsupported_discriminator
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator

AVERAGED, RAW, DISCRIMINATOR = "G_ema", "G", "D"
NETWORKS = (AVERAGED, RAW, DISCRIMINATOR)
LIMITS = {
    "z_dim": (1, 65536),
    "w_dim": (1, 65536),
    "c_dim": (0, 65536),
    "mapping_layers": (1, 64),
    "channel_max": (1, 65536),
    "fp16_resolutions": (0, 9),
}
GREY_NOTICE = "a network of one colour channel: an RGB network now, which draws the same grey images"
FLOAT_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Weights:
    """The content of a checkpoint before any network is built."""

    architecture: Architecture
    networks: dict[str, dict[str, Tensor]]
    """State dicts by network: G_ema (always), G and D (where the file has them); names as in `state_dict()`."""
    info: dict[str, Any] = field(default_factory=dict)
    """JSON values: `kimg`, `notices`, where the weights come from, and what the writer added."""


def empty_network(architecture: Architecture, name: str) -> nn.Module:
    """Return network `name` (G_ema, G or D) on the meta device: shapes without memory."""
    with torch.device("meta"), _ShapesOnly():
        return Discriminator(architecture) if name == DISCRIMINATOR else Generator(architecture)


class _ShapesOnly(TorchFunctionMode):
    """Skips the arithmetic of initialisation, which on the meta device would first import a compiler (seconds)."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("randn", "zeros"):
            shape = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
            return torch.empty(shape, device="meta")
        if name == "full":
            return torch.empty(args[0], device="meta")
        if name in ("div", "true_divide", "__truediv__"):
            return args[0]
        return func(*args, **(kwargs or {}))


def parameter_counts(weights: Weights) -> dict[str, int]:
    """Return the number of trained parameters of each network (noise maps and w_avg are none)."""
    networks = {name: empty_network(weights.architecture, name) for name in weights.networks}
    return {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}


def checked(weights: Weights, source: str) -> Weights:
    """Return `weights` with exactly the tensors its architecture asks for, in order, as float32.

    Networks of one colour channel come back as RGB networks that draw the same images.

    No memory is taken for a tensor before its name and shape are known to be right.

    Args:
        weights: tensors that may be half or double precision.
        source: the file, for errors.

    Raises:
        StyleAlignError: a missing or surplus network or tensor, or one of another shape or type, or with values that
            are no finite numbers.
    """
    architecture = weights.architecture
    _check_limits(architecture, source)
    if AVERAGED not in weights.networks:
        raise StyleAlignError(f"{source}: no averaged generator (G_ema) in the file; give a complete checkpoint")
    networks = {}
    for name in NETWORKS:
        if name in weights.networks:
            networks[name] = _checked_network(architecture, name, weights.networks[name], source)
    surplus = set(weights.networks) - set(NETWORKS)
    if surplus:
        raise StyleAlignError(
            f"{source}: unknown network {min(surplus)!r}; this file is not from a StyleGAN2 known here"
        )
    if architecture.img_channels == 1:
        notices = [*weights.info.get("notices", []), GREY_NOTICE]
        grey = architecture.model_copy(update={"img_channels": RGB})
        return Weights(grey, grey_to_rgb(networks), weights.info | {"notices": notices})
    return Weights(architecture, networks, weights.info)


def _check_limits(architecture: Architecture, source: str) -> None:
    """Refuse an architecture no real network has, before a network of its size is so much as described."""
    for key, (least, most) in LIMITS.items():
        value = getattr(architecture, key)
        if not least <= value <= most:
            raise StyleAlignError(f"{source}: {key} is {value}, must be from {least} to {most}; the file is damaged")
    if architecture.img_channels not in (1, RGB):
        found = architecture.img_channels
        raise StyleAlignError(
            f"{source}: draws images of {found} channels; only RGB (3) and grey (1) networks are supported"
        )
    if architecture.channels(architecture.resolution) < 1:
        base, top = architecture.channel_base, architecture.resolution
        raise StyleAlignError(f"{source}: channel_base {base} leaves no channels at {top} px; the file is damaged")


def _checked_network(
    architecture: Architecture, name: str, tensors: dict[str, Tensor], source: str
) -> dict[str, Tensor]:
    try:
        expected = {key: list(value.shape) for key, value in empty_network(architecture, name).state_dict().items()}
    except (RuntimeError, ValueError, TypeError, ArithmeticError) as error:
        raise StyleAlignError(f"{source}: no network of this architecture can be built ({error})") from error
    missing = [key for key in expected if key not in tensors]
    surplus = [key for key in tensors if key not in expected]
    if missing or surplus:
        variant = unsupported_discriminator(tensors) if name == DISCRIMINATOR else None
        if variant is not None:
            raise StyleAlignError(f"{source}: {variant}")
        what = f"has no tensor {missing[0]!r}" if missing else f"has a surplus tensor {surplus[0]!r}"
        others = len(missing) + len(surplus) - 1
        more = f" (and {others} more differences)" if others else ""
        raise StyleAlignError(f"{source}: {name} {what}{more}; the file is incomplete or of another network")
    for key, shape in expected.items():
        found = list(tensors[key].shape)
        if found != shape:
            problem = f"{name} {key} is {found}, its architecture asks for {shape}"
            raise StyleAlignError(f"{source}: {problem}; the file is damaged or of another network")
        if tensors[key].dtype not in FLOAT_TYPES:
            raise StyleAlignError(f"{source}: {name} {key} is {tensors[key].dtype}, not floating-point; file damaged")
        if not tensors[key].isfinite().all():
            raise StyleAlignError(
                f"{source}: {name} {key} has values that are no finite numbers: its training diverged; take an "
                "earlier snapshot"
            )
    return {key: tensors[key].detach().to(torch.float32) for key in expected}
