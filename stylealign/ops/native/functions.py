"""The native operations as differentiable functions of tensors; first and second derivatives are native as well.

Each function takes tensors that `supported` accepts. Images are `[N, C, H, W]`.
"""

import ctypes
import math
import platform
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stylealign.ops.native import gpu
from stylealign.ops.native.build import cpu_library, forced_on_gpu, wanted_on_gpu
from stylealign.ops.parameter_gradients import parameters_wanted
from stylealign.ops.plain import plain_wanted

NAMES = {torch.float32: "float32", torch.float64: "float64"}
"""Types that the operations take on a CPU."""
HALF_BITS = {torch.float16: 11, torch.bfloat16: 8}
"""Significant bits of the half-precision types."""
GPU_TYPES = (*NAMES, torch.float16, torch.bfloat16)


class _Resampling(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("planes", "height", "width", "inner", "out_height", "out_width")),
        *((name, ctypes.c_int64) for name in ("up", "down", "left", "top")),
        ("gain", ctypes.c_double),
    ]


class _Epilogue(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("batch", "pixels", "channels", "noise_step")),
        ("slope", ctypes.c_double),
        ("clamp", ctypes.c_double),
    ]


class _Mixing(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("batch", "pixels", "few", "many")]


class _WeightGradient(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in (
            *("batch", "small_height", "small_width", "large_height", "large_width"),
            *("small_channels", "large_channels", "kernel", "stride", "padding"),
        )
    ]


class _Winograd(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in (
            *("batch", "height", "width", "inputs", "out_height", "out_width", "outputs", "padding"),
            *("output_step", "input_step", "y_step", "x_step", "origin"),
        )
    ]


def supported(images: Tensor) -> bool:
    """Say whether the native operations take this tensor."""
    if plain_wanted():
        return False
    if images.device.type == "cpu":
        return images.dtype in NAMES and cpu_library() is not None
    if images.device.type != "cuda" or images.dtype not in GPU_TYPES:
        return False
    if not wanted_on_gpu(images.device) or gpu.kernels() is None:
        return False
    return forced_on_gpu() or gpu.start(images.device)


def fuses(images: Tensor) -> bool:
    """Say whether bias, activation and clamp are worth a pass of their own behind a convolution.

    On a GPU a convolution's bias is a pass already, and so are the activation, the clamp and each part of their
    derivatives: one takes the place of all. On a CPU the convolution adds the bias for nothing.
    """
    return images.device.type == "cuda" and supported(images)


def call(name: str, tensors: Sequence[Tensor | None], sizes: ctypes.Structure, like: Tensor) -> None:
    """Run an operation of the CPU's library, or of the GPU that `like` is on, by its name."""
    if like.is_cuda:
        with torch.cuda.device(like.device):
            gpu.call(name, tensors, sizes)
        return
    pointers = [ctypes.c_void_p(None if tensor is None else tensor.data_ptr()) for tensor in tensors]
    getattr(cpu_library(), f"{name}_{NAMES[like.dtype]}")(
        *pointers, ctypes.byref(sizes), ctypes.c_int(torch.get_num_threads())
    )


def resample(images: Tensor, size: tuple[int, int], up: int, down: int, before: tuple[int, int], gain: float) -> Tensor:
    """Insert zeros behind pixels, put zeros before them (or crop), filter, keep every `down`-th pixel.

    Args:
        images: `[N, C, H, W]`.
        size: height and width of the result; what lies behind the image is zero.
        up, down: factors of both axes.
        before: zeros above and to the left, after the up-sampling.
        gain: factor of the result.
    """
    return _Resample.apply(images, size, up, down, before, gain)


class _Resample(torch.autograd.Function):
    """Its adjoint is the same operation, up- and down-sampling exchanged: the filter is its own mirror image."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, size: tuple[int, int], up: int, down: int, before: tuple[int, int], gain: float
    ) -> Tensor:
        ctx.adjoint = images.shape[2:], down, up, (3 - before[0], 3 - before[1]), gain
        n, channels, height, width = images.shape
        if images.is_contiguous():
            result = images.new_empty(n, channels, *size)
            planes, inner = n * channels, 1
        else:
            images = images.contiguous(memory_format=torch.channels_last)
            result = torch.empty(
                (n, channels, *size), dtype=images.dtype, device=images.device, memory_format=torch.channels_last
            )
            planes, inner = n, channels
        if result.numel():
            sizes = _Resampling(planes, height, width, inner, *size, up, down, before[1], before[0], gain)
            call("resample", [images, result], sizes, images)
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None, None]:  # type: ignore[override]
        return _Resample.apply(grad, *ctx.adjoint), None, None, None, None, None


def epilogue(
    values: Tensor,
    scale: Tensor | None = None,
    bias: Tensor | None = None,
    noise: Tensor | None = None,
    slope: float = 1.0,
    clamp: float | None = None,
) -> Tensor:
    """Scale channels, add noise and bias, apply leaky ReLU and clamp, in one pass over the activations.

    Args:
        values: `[N, C, H, W]`.
        scale: `[N, C]`, or None for 1.
        bias: `[C]`, or None for 0.
        noise: `[N or 1, 1, H, W]`, or None for 0.
        slope: factor of negative values; 1 for no activation.
        clamp: largest magnitude, or None.

    Returns:
        `[N, C, H, W]`, channels-last.
    """
    dtype = values.dtype
    scale, bias, noise = (None if t is None else t.to(dtype).contiguous() for t in (scale, bias, noise))
    values = channels_last(values)  # here and not inside: what is saved there must be the argument itself
    return _Epilogued.apply(values, scale, bias, noise, slope, math.inf if clamp is None else _rounded(clamp, dtype))


def _rounded(value: float, dtype: torch.dtype) -> float:
    """Return the number of a half-precision type nearest to `value`: the derivatives compare results with it."""
    if dtype not in HALF_BITS:
        return value
    mantissa, exponent = math.frexp(value)
    return math.ldexp(round(math.ldexp(mantissa, HALF_BITS[dtype])), exponent - HALF_BITS[dtype])


def _sizes(values: Tensor, noise: Tensor | None, slope: float, clamp: float) -> _Epilogue:
    n, channels, height, width = values.shape
    step = height * width if noise is not None and len(noise) == n else 0
    return _Epilogue(n, height * width, channels, step, slope, clamp)


def channels_last(tensor: Tensor) -> Tensor:
    """Return a tensor whose channels lie beside each other."""
    return tensor.contiguous(memory_format=torch.channels_last)


class _Epilogued(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        scale: Tensor | None,
        bias: Tensor | None,
        noise: Tensor | None,
        slope: float,
        clamp: float,
    ) -> Tensor:
        out = torch.empty_like(values)
        sizes = _sizes(values, noise, slope, clamp)
        if out.numel():
            call("epilogue", [values, out, scale, bias, noise], sizes, values)
        ctx.slope, ctx.clamp, ctx.shared_noise = slope, clamp, noise is not None and len(noise) == 1
        linear = slope == 1.0 and clamp == math.inf
        ctx.save_for_backward(values if scale is not None else None, scale, None if linear else out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        values, scale, out = ctx.saved_tensors
        _, of_scale, of_bias, of_noise = ctx.needs_input_grad[:4]
        needed = of_scale, of_bias and parameters_wanted(), of_noise and parameters_wanted()
        results = _EpilogueBackward.apply(grad, values, scale, out, needed, ctx.slope, ctx.clamp)
        grad_values, grad_scale, grad_bias, grad_noise = results
        if grad_bias is not None:
            grad_bias = grad_bias.sum(dim=0)
        if grad_noise is not None and ctx.shared_noise:
            grad_noise = grad_noise.sum(dim=0, keepdim=True)
        return grad_values, grad_scale, grad_bias, grad_noise, None, None


class _EpilogueBackward(torch.autograd.Function):
    """Gradients of the values `[N, C, H, W]`, the scale `[N, C]`, the bias per sample `[N, C]` and the noise."""

    @staticmethod
    def forward(
        ctx: Any,
        grad: Tensor,
        values: Tensor | None,
        scale: Tensor | None,
        out: Tensor | None,
        needed: tuple[bool, bool, bool],
        slope: float,
        clamp: float,
    ) -> tuple[Tensor | None, ...]:
        ctx.set_materialize_grads(False)
        grad = channels_last(grad)
        n, channels, height, width = grad.shape
        grad_values = torch.empty_like(grad)
        grad_scale = grad.new_empty(n, channels) if needed[0] else None
        grad_bias = grad.new_empty(n, channels) if needed[1] else None
        grad_noise = grad.new_empty(n, 1, height, width) if needed[2] else None
        ctx.sizes = _sizes(grad, None, slope, clamp)
        results = [grad_values, grad_scale, grad_bias, grad_noise]
        if grad.numel():
            call("epilogue_backward", [grad, values, out, scale, *results], ctx.sizes, grad)
        else:
            for result in results:
                if result is not None:
                    result.zero_()
        ctx.save_for_backward(grad, values, scale, out)
        return tuple(results)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        grad, values, scale, out = ctx.saved_tensors
        of_values, of_scale, of_bias, of_noise = cotangents
        if of_values is not None:
            of_values = channels_last(of_values)
        rest = [None if t is None else t.contiguous() for t in (of_scale, of_bias, of_noise)]
        grad_grad = torch.empty_like(grad)
        grad_values = torch.empty_like(grad) if of_scale is not None and ctx.needs_input_grad[1] else None
        grad_scale = torch.empty_like(scale) if of_values is not None and ctx.needs_input_grad[2] else None
        if grad.numel():
            tensors = [of_values, *rest, grad, values, out, scale, grad_grad, grad_values, grad_scale]
            call("epilogue_double_backward", tensors, ctx.sizes, grad)
        elif grad_scale is not None:
            grad_scale.zero_()
        return grad_grad, grad_values, grad_scale, None, None, None, None


VECTOR_BYTES = 64
"""What the channels fill without a rest, so that the native convolutions take them."""
FEWEST_PIXELS = 64
"""Of an image that `convolution` takes: smaller ones are no faster for it."""
FEW = 4
"""The most channels that count as few in `mix`."""


def mix(pixels: Tensor, weight: Tensor) -> Tensor:
    """Multiply the channels of every pixel by a matrix of the sample's own.

    Args:
        pixels: `[N, P, I]`.
        weight: `[N, O, I]`; O or I is at most `FEW`.

    Returns:
        `[N, P, O]`.
    """
    return _Mix.apply(pixels, weight)


class _Mix(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pixels: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(pixels, weight)
        n, outputs, inputs = weight.shape
        result = pixels.new_empty(n, pixels.shape[1], outputs)
        to_few = outputs <= FEW
        if result.numel():
            sizes = _Mixing(n, pixels.shape[1], *((outputs, inputs) if to_few else (inputs, outputs)))
            weight = (weight if to_few else weight.transpose(1, 2)).contiguous()
            tensors = [pixels.contiguous(), weight, result]
            call("mix_to_few" if to_few else "mix_to_many", tensors, sizes, pixels)
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        pixels, weight = ctx.saved_tensors
        grad_pixels = _Mix.apply(grad, weight.transpose(1, 2)) if ctx.needs_input_grad[0] else None
        grad_weight = _MixOuter.apply(grad, pixels) if ctx.needs_input_grad[1] else None
        return grad_pixels, grad_weight


class _MixOuter(torch.autograd.Function):
    """Sum over pixels of ``a [N, P, O]`` times ``b [N, P, I]``: `[N, O, I]`."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        few, many = (a, b) if a.shape[2] <= FEW else (b, a)
        result = a.new_zeros(len(a), few.shape[2], many.shape[2])
        if a.numel() and b.numel():
            sizes = _Mixing(*few.shape, many.shape[2])
            call("mix_outer", [few.contiguous(), many.contiguous(), result], sizes, a)
        return result if few is a else result.transpose(1, 2)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        a, b = ctx.saved_tensors
        grad_a = _Mix.apply(b, grad) if ctx.needs_input_grad[0] else None
        grad_b = _Mix.apply(a, grad.transpose(1, 2)) if ctx.needs_input_grad[1] else None
        return grad_a, grad_b


def _fills_vectors(*channels: int, like: Tensor) -> bool:
    """Say whether the convolutions below take images of so many channels, of the type and device of `like`.

    They are written for x86 processors and measured on no other.
    """
    known = like.device.type == "cpu" and platform.machine() in ("x86_64", "AMD64") and supported(like)
    return known and all(count * like.element_size() % VECTOR_BYTES == 0 for count in channels)


def convolution(features: Tensor, weight: Tensor, bias: Tensor | None, padding: int, adjoint: bool) -> Tensor | None:
    """Convolve with 3x3 kernels and stride 1, with 4 / 9 of the multiplications (Lavin and Gray 2016: F(2x2, 3x3)).

    Args:
        features: `[N, I, H, W]`.
        weight: `[O, I, 3, 3]`, of any strides; `[I, O, 3, 3]` if `adjoint`.
        bias: `[O]`, or None.
        padding: at most 2.
        adjoint: compute the gradient of the features of a convolution with this weight instead: mirrored kernels,
            inputs and outputs exchanged, and ``2 - padding``.

    Returns:
        `[N, O, H + 2 padding - 2, W + 2 padding - 2]`, channels-last; None where PyTorch's own is to be used: on a
        GPU, for channels that do not fill vectors, and for results of less than 64 pixels.
    """
    inputs = weight.shape[0 if adjoint else 1]
    outputs = weight.shape[1 if adjoint else 0]
    padding = 2 - padding if adjoint else padding
    height, width = (extent + 2 * padding - 2 for extent in features.shape[2:])
    if height * width < FEWEST_PIXELS or not len(features) or not _fills_vectors(inputs, outputs, like=features):
        return None
    features = channels_last(features)
    shape = len(features), outputs, height, width
    result = torch.empty(shape, dtype=features.dtype, memory_format=torch.channels_last)
    steps = weight.stride()
    origin = 0
    if adjoint:  # the last of the nine weights first
        origin = 2 * steps[2] + 2 * steps[3]
        steps = steps[1], steps[0], -steps[2], -steps[3]
    sizes = _Winograd(len(features), *features.shape[2:], inputs, height, width, outputs, padding, *steps, origin)
    call("winograd", [features, weight, None if bias is None else bias.contiguous(), result], sizes, features)
    return result


def weight_gradient(small: Tensor, large: Tensor, like: Tensor, stride: int, padding: int) -> Tensor | None:
    """Compute the gradient of a convolution's weights.

    Args:
        small: `[N, A, h, w]`: the gradient of the convolution's result, or its input if it is transposed.
        large: `[N, B, H, W]`: the other one.
        like: the weights `[A, B, k, k]`.
        stride, padding: of the convolution.

    Returns:
        `[A, B, k, k]`, channels-last; None where PyTorch's own is to be used: on a GPU, for kernels of one pixel (a
        product of matrices) and for channels that do not fill vectors.
    """
    kernel = like.shape[2]
    if kernel == 1 or not small.numel() or not _fills_vectors(large.shape[1], like=small):
        return None
    small, large = channels_last(small), channels_last(large)
    result = torch.empty_like(like, memory_format=torch.channels_last)
    sizes = _WeightGradient(len(small), *small.shape[2:], *large.shape[2:], *like.shape[:2], kernel, stride, padding)
    call("weight_gradient", [small, large, result], sizes, small)
    return result
