"""Launches the Triton kernels: the interface of the C library, tensor by tensor."""

import ctypes
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from stylealign.errors import StyleAlignError

ROW_BLOCK = 1024
FEWEST_CHANNELS, MOST_CHANNELS = 16, 64
BLOCK_ELEMENTS = 1024
"""Of a program at a time; twice as many, or fewer channels, and the compiler needs a stack for some chips."""
STEPS = 8
"""Blocks of pixels that one program sums over."""

COMPILED: dict[str, dict[str, int]] = {
    "resample": {"num_warps": 8, "maxnreg": 128},
    "colours": {"maxnreg": 128},
    "colours_backward": {"maxnreg": 168},
    "colours_double_backward": {"maxnreg": 168},
    "styled_backward": {"maxnreg": 128},
}
"""By kernel: threads or registers with which none needs a stack; without a word of registers the assembler saves them
for the sake of more threads at a time. Chosen by compiling, not by timing on a card."""

Tensors = Sequence[Tensor | None]


class KernelError(StyleAlignError, RuntimeError):
    """A kernel cannot be compiled for this GPU, or not be launched on it."""


@cache
def kernels() -> dict[str, Any] | None:
    """Return the kernels by name, or None where Triton is not installed."""
    try:
        from stylealign.ops.native import (
            triton_colours,
            triton_kernels,
            triton_sampling,
            triton_styled,
        )  # takes time, and only a GPU needs it
    except ImportError:
        return None
    modules = (triton_kernels, triton_colours, triton_styled, triton_sampling)
    return {name: getattr(module, name) for module in modules for name in vars(module) if name in LAUNCHES}


def _kernel(name: str) -> Any:
    found = kernels()
    assert found is not None, "asked for without Triton"
    return found[name]


def call(name: str, tensors: Tensors, sizes: ctypes.Structure) -> None:
    """Run an operation of the C library by its name, on tensors of one GPU.

    Raises:
        KernelError: whatever Triton, its compilers or the driver say of a kernel.
        torch.OutOfMemoryError: there is no room for a kernel's sums.
    """
    try:
        LAUNCHES[name](tensors, sizes)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        remedy = "STYLEALIGN_NATIVE=0 turns the kernels off"
        raise KernelError(f"the kernel {name} does not run on this GPU; {remedy} ({_in_a_line(error)})") from error


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


@cache
def start(device: torch.device) -> bool:
    """Run a kernel once; say whether that goes, and in one line why not: Triton needs a C compiler, say."""
    sizes = {"planes": 1, "height": 4, "width": 4, "inner": 1, "out_height": 4, "out_width": 4}
    filtering = SimpleNamespace(**sizes, up=1, down=1, left=1, top=1, gain=1.0)
    try:
        with torch.cuda.device(device if device.type == "cuda" else -1):
            LAUNCHES["resample"]([torch.zeros(16, device=device), torch.empty(16, device=device)], filtering)
    except Exception as error:  # whatever Triton, its compilers or the driver say
        message = f"note: the kernels for GPUs are off, PyTorch computes: {_in_a_line(error)}"
        print(message, file=sys.stderr, flush=True)
        return False
    return True


def resample_options(up: int, down: int, gain: float) -> dict[str, Any]:
    """Return the compile-time arguments of `resample`."""
    return {"GAIN": gain, "UP": up, "DOWN": down, "TAPS": -(-4 // up), "BLOCK": ROW_BLOCK}


def block_shape(channels: int) -> dict[str, int]:
    """Return how many pixels P and channels C a program takes at a time, powers of two."""
    width = min(MOST_CHANNELS, max(FEWEST_CHANNELS, 1 << max(0, channels - 1).bit_length()))
    return {"P": BLOCK_ELEMENTS // width, "C": width}


def _sums(shape: tuple[int, int, int], like: Tensor) -> Tensor:
    """Return room for the sums of every program, in the type they are computed in."""
    dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
    return torch.empty(shape, dtype=dtype, device=like.device)


def _placed(tensors: Tensors) -> list[Tensor]:
    """Put the first tensor, which is never read there, in the place of what is missing."""
    present = next(tensor for tensor in tensors if tensor is not None)
    return [present if tensor is None else tensor for tensor in tensors]


def _launch(name: str, grid: tuple[int, ...]) -> Any:
    """Return a kernel to be called with its arguments, on a grid of images, blocks of pixels and groups of channels.

    Of CUDA's axes the first alone holds more than 65,535: the blocks have it, and 1024 px need it.
    """
    batch, blocks, *groups = grid
    return partial(_kernel(name)[(blocks, batch, *groups)], **COMPILED.get(name, {}))


def _resample(tensors: Tensors, r: Any) -> None:
    grid = (r.planes * r.out_height, -(-r.out_width * r.inner // ROW_BLOCK))
    sizes = r.height, r.width, r.inner, r.out_height, r.out_width
    options = resample_options(r.up, r.down, r.gain) | {"LEFT": r.left, "TOP": r.top}
    _kernel("resample")[grid](*tensors, *sizes, **options, **COMPILED["resample"])


def _epilogue(tensors: Tensors, e: Any) -> None:
    shape = block_shape(e.channels)
    grid = e.batch, -(-e.pixels // shape["P"]), -(-e.channels // shape["C"])
    present = dict(zip(("SCALED", "BIASED", "NOISY"), (tensor is not None for tensor in tensors[2:]), strict=True))
    sizes = e.pixels, e.channels, e.noise_step
    _launch("epilogue", grid)(*_placed(tensors), *sizes, **present, **shape, SLOPE=e.slope, CLAMP=e.clamp)


def _summed_grid(e: Any, shape: dict[str, int]) -> tuple[int, int, int]:
    return e.batch, -(-e.pixels // (STEPS * shape["P"])), -(-e.channels // shape["C"])


def _epilogue_backward(tensors: Tensors, e: Any) -> None:
    grad, values, out, scale, grad_values, grad_scale, grad_bias, grad_noise = tensors
    assert grad is not None
    shape = block_shape(e.channels)
    grid = _summed_grid(e, shape)
    over_pixels, over_channels = (*grid[:2], e.channels), (grid[2], e.batch, e.pixels)
    scale_sums = None if grad_scale is None else _sums(over_pixels, grad)
    bias_sums = None if grad_bias is None else _sums(over_pixels, grad)
    noise_sums = None if grad_noise is None else _sums(over_channels, grad)
    present = {
        "SCALED": scale is not None,
        "ACTIVATED": out is not None,
        "OF_SCALE": grad_scale is not None,
        "OF_BIAS": grad_bias is not None,
        "OF_NOISE": grad_noise is not None,
    }
    arguments = _placed([grad, values, out, scale, grad_values, scale_sums, bias_sums, noise_sums])
    options = present | shape | {"STEPS": STEPS, "SLOPE": e.slope, "CLAMP": e.clamp}
    _launch("epilogue_backward", grid)(*arguments, e.batch, e.pixels, e.channels, **options)
    for sums, axis, result in ((scale_sums, 1, grad_scale), (bias_sums, 1, grad_bias), (noise_sums, 0, grad_noise)):
        if sums is not None and result is not None:
            result.copy_(sums.sum(dim=axis).reshape(result.shape))


def _epilogue_double_backward(tensors: Tensors, e: Any) -> None:
    *given, grad_grad, grad_values, grad_scale = tensors
    grad = given[4]
    assert grad is not None
    shape = block_shape(e.channels)
    grid = _summed_grid(e, shape)
    sums = None if grad_scale is None else _sums((*grid[:2], e.channels), grad)
    names = ("VIA_VALUES", "VIA_SCALE", "VIA_BIAS", "VIA_NOISE")
    present = {name: tensor is not None for name, tensor in zip(names, given[:4], strict=True)}
    present |= {"SCALED": given[7] is not None, "ACTIVATED": given[6] is not None}
    present |= {"TO_VALUES": grad_values is not None, "TO_SCALE": grad_scale is not None}
    arguments = [grad if t is None else t for t in (*given, grad_grad, grad_values, sums)]
    options = present | shape | {"STEPS": STEPS, "SLOPE": e.slope, "CLAMP": e.clamp}
    _launch("epilogue_double_backward", grid)(*arguments, e.pixels, e.channels, **options)
    if sums is not None and grad_scale is not None:
        grad_scale.copy_(sums.sum(dim=1))


def whole_pixels(channels: int, few: int) -> dict[str, int]:
    """Return how many pixels P a program takes whose channels it has all, powers of two, and the number of colours."""
    width = max(MOST_CHANNELS, 1 << max(0, channels - 1).bit_length())  # narrower, and sm_80 needs a stack
    return {"P": max(1, BLOCK_ELEMENTS // width), "C": width, "FEW": few}


def rows_of_sums(few: int) -> dict[str, int]:
    """Return the compile-time arguments of sums over pixels for each colour."""
    return {"ROWS": 1 << max(0, few - 1).bit_length(), "STEPS": STEPS}


def _colours(tensors: Tensors, c: Any) -> None:
    image, passes = tensors[3], tensors[5]
    shape = whole_pixels(c.channels, c.few)
    grid = c.batch, -(-(c.height * c.width) // shape["P"])
    options = shape | {"SKIP": image is not None, "CUT": passes is not None, "CLAMP": c.clamp}
    _launch("colours", grid)(*_placed(tensors), c.height, c.width, c.channels, **options)


def _colours_backward(tensors: Tensors, c: Any) -> None:
    *given, grad_own, grad_bias = tensors
    shape = whole_pixels(c.channels, c.few)
    grid = c.batch, -(-(c.height * c.width) // (STEPS * shape["P"]))
    own_sums, bias_sums = (None if t is None else t.new_empty(*grid, *t.shape[1:]) for t in (grad_own, grad_bias))
    options = shape | rows_of_sums(c.few) | {"TO_OWN": grad_own is not None, "TO_BIAS": grad_bias is not None}
    arguments = _placed([*given, own_sums, bias_sums])
    pixels = c.height * c.width
    _launch("colours_backward", grid)(*arguments, pixels, c.channels, **options, CUT=given[1] is not None)
    for sums, result in ((own_sums, grad_own), (bias_sums, grad_bias)):
        if sums is not None and result is not None:
            torch.sum(sums, dim=1, out=result)


def _colours_double_backward(tensors: Tensors, c: Any) -> None:
    *given, grad_grad, grad_features, grad_own = tensors
    shape = whole_pixels(c.channels, c.few)
    grid = c.batch, -(-(c.height * c.width) // (STEPS * shape["P"]))
    sums = None if grad_own is None else grad_own.new_empty(*grid, *grad_own.shape[1:])
    names = ("VIA_FEATURES", "VIA_OWN", "VIA_BIAS")
    present = {name: tensor is not None for name, tensor in zip(names, given[:3], strict=True)}
    present |= {"TO_FEATURES": grad_features is not None, "TO_OWN": grad_own is not None, "CUT": given[4] is not None}
    arguments = _placed([given[3], *given, grad_grad, grad_features, sums])[1:]
    options = present | shape | rows_of_sums(c.few)
    _launch("colours_double_backward", grid)(*arguments, c.height * c.width, c.channels, **options)
    if sums is not None and grad_own is not None:
        torch.sum(sums, dim=1, out=grad_own)


def _styled(tensors: Tensors, e: Any) -> None:
    shape = block_shape(e.channels)
    grid = e.batch, -(-e.pixels // shape["P"]), -(-e.channels // shape["C"])
    present = {"NOISY": tensors[3] is not None, "KEPT": tensors[5] is not None}
    sizes = e.pixels, e.channels, e.noise_step
    _launch("styled", grid)(*_placed(tensors), *sizes, **present, **shape, SLOPE=e.slope, CLAMP=e.clamp)


def _styled_sums(results: Tensors, e: Any) -> tuple[tuple[int, int, int], list[Tensor | None]]:
    """Return the grid of a kernel that sums, and room for the sums of its programs: three by channel, one by pixel."""
    grid = _summed_grid(e, block_shape(e.channels))
    over_pixels, over_channels = (*grid[:2], e.channels), (grid[2], e.batch, e.pixels)
    shapes = [over_pixels] * 3 + [over_channels]
    return grid, [None if t is None else t.new_empty(shape) for t, shape in zip(results, shapes, strict=True)]


def _add_up(sums: Tensors, results: Tensors) -> None:
    for axis, one, result in zip((1, 1, 1, 0), sums, results, strict=True):
        if one is not None and result is not None:
            result.copy_(one.sum(dim=axis).reshape(result.shape))


def _styled_options(given: Tensors, e: Any) -> dict[str, Any]:
    grad, grad_scaled, noise = given[0], given[1], given[5]
    present = {"KEPT": grad is not None, "NEXT": grad_scaled is not None, "NOISY": noise is not None}
    return present | block_shape(e.channels) | {"STEPS": STEPS, "SLOPE": e.slope, "CLAMP": e.clamp}


def _styled_backward(tensors: Tensors, e: Any) -> None:
    given, results = tensors[:7], tensors[8:]
    grid, sums = _styled_sums(results, e)
    options = _styled_options(given, e) | {"OF_NOISE": results[3] is not None}
    arguments = _placed([tensors[2], *tensors[:8], *sums])[1:]
    _launch("styled_backward", grid)(*arguments, e.batch, e.pixels, e.channels, e.noise_step, **options)
    _add_up(sums, results)


def _styled_double_backward(tensors: Tensors, e: Any) -> None:
    given, results = tensors[5:12], tensors[15:]
    grid, sums = _styled_sums(results, e)
    names = ("VIA_VALUES", "VIA_SCALE", "VIA_BIAS", "VIA_NOISE", "VIA_STYLE")
    via = {name: tensor is not None for name, tensor in zip(names, tensors[:5], strict=True)}
    options = _styled_options(given, e) | via | {"TO_NOISE": results[3] is not None}
    arguments = _placed([given[2], *tensors[:15], *sums])[1:]
    _launch("styled_double_backward", grid)(*arguments, e.batch, e.pixels, e.channels, e.noise_step, **options)
    _add_up(sums, results)


SAMPLE_BLOCK = 256


def _sampling(name: str, tensors: Tensors, s: Any) -> None:
    grid = s.batch, -(-(2 * s.height + 10) * (2 * s.width + 10) // SAMPLE_BLOCK)
    sizes = s.channels, s.height, s.width, s.border_y, s.border_x, s.fine_height, s.fine_width
    _launch(name, grid)(*tensors, *sizes, DELAY=s.delay, REACH=s.reach, BLOCK=SAMPLE_BLOCK)


LAUNCHES: dict[str, Callable[[Tensors, Any], None]] = {
    "resample": _resample,
    "epilogue": _epilogue,
    "epilogue_backward": _epilogue_backward,
    "epilogue_double_backward": _epilogue_double_backward,
    "styled": _styled,
    "styled_backward": _styled_backward,
    "styled_double_backward": _styled_double_backward,
    "sample": partial(_sampling, "sample"),
    "sample_adjoint": partial(_sampling, "sample_adjoint"),
    "colours": _colours,
    "colours_backward": _colours_backward,
    "colours_double_backward": _colours_double_backward,
}
