"""toRGB on a GPU, differentiable twice: product, bias, clamp and up-sampled skip in one pass over the activations."""

import ctypes
import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stylealign.ops.native import functions as native
from stylealign.ops.parameter_gradients import parameters_wanted

MOST_COLOURS = 4


class _Sizes(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("batch", "height", "width", "channels", "few")),
        ("clamp", ctypes.c_double),
    ]


def fits(features: Tensor, colours: int) -> bool:
    """Say whether `colours` takes these activations and this number of colours."""
    return native.fuses(features) and colours <= MOST_COLOURS


def colours(
    features: Tensor, own: Tensor, bias: Tensor, image: Tensor | None, clamp: float | None, dtype: torch.dtype
) -> Tensor:
    """Return ``clamp(own @ features + bias) + upsampled image``; sums are in single precision or double.

    Args:
        features: `[N, C, H, W]`.
        own: weights of each sample, `[N, O, C]`, O at most `MOST_COLOURS`.
        bias: `[O]`.
        image: `[N, O, H / 2, W / 2]`, or None.
        clamp: largest magnitude before the image is added, or None.
        dtype: of the result.

    Returns:
        `[N, O, H, W]`, channels-last.
    """
    wide = torch.float64 if features.dtype == torch.float64 else torch.float32
    features = native.channels_last(features)
    image = None if image is None else native.channels_last(image.to(dtype))
    bound = math.inf if clamp is None else clamp
    return _Colours.apply(features, own.to(wide).contiguous(), bias.to(wide).contiguous(), image, bound, dtype)


class _Colours(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        own: Tensor,
        bias: Tensor,
        image: Tensor | None,
        clamp: float,
        dtype: torch.dtype,
    ) -> Tensor:
        n, channels, height, width = features.shape
        few = own.shape[1]
        assert image is None or image.shape == (n, few, height // 2, width // 2), "the skip has half the size"
        out = torch.empty(
            (n, few, height, width), dtype=dtype, device=features.device, memory_format=torch.channels_last
        )
        passes = None
        if clamp != math.inf:
            passes = torch.empty((n, height, width, few), dtype=torch.int8, device=features.device)
        ctx.sizes = _Sizes(n, height, width, channels, few, clamp)
        ctx.small = None if image is None else image.shape[2:]
        if out.numel():
            native.call("colours", [features, own, bias, image, out, passes], ctx.sizes, features)
        ctx.save_for_backward(features, own, passes)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        features, own, passes = ctx.saved_tensors
        _, of_own, of_bias, of_image = ctx.needs_input_grad[:4]
        needed = of_own, of_bias and parameters_wanted()
        results = _ColoursBackward.apply(grad, features, own, passes, needed, ctx.sizes)
        grad_bias = None if results[2] is None else results[2].sum(dim=0)
        # The adjoint of doubling: the same filter, then every second pixel.
        grad_image = native.resample(grad, ctx.small, 1, 2, (1, 1), 4.0) if of_image else None
        return results[0], results[1], grad_bias, grad_image, None, None


class _ColoursBackward(torch.autograd.Function):
    """Gradients of the activations, the weights `[N, O, C]` and the bias per sample `[N, O]`."""

    @staticmethod
    def forward(
        ctx: Any,
        grad: Tensor,
        features: Tensor,
        own: Tensor,
        passes: Tensor | None,
        needed: tuple[bool, bool],
        sizes: _Sizes,
    ) -> tuple[Tensor | None, ...]:
        ctx.set_materialize_grads(False)
        grad = native.channels_last(grad)
        grad_features = torch.empty_like(features)
        grad_own = torch.zeros_like(own) if needed[0] else None
        grad_bias = own.new_zeros(own.shape[:2]) if needed[1] else None
        if features.numel():
            tensors = [grad, passes, features, own, grad_features, grad_own, grad_bias]
            native.call("colours_backward", tensors, sizes, features)
        ctx.sizes = sizes
        ctx.save_for_backward(grad, features, own, passes)
        return grad_features, grad_own, grad_bias

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        grad, features, own, passes = ctx.saved_tensors
        of_features = None if cotangents[0] is None else native.channels_last(cotangents[0])
        of_own, of_bias = (None if t is None else t.contiguous() for t in cotangents[1:])
        grad_grad = torch.zeros_like(grad)
        grad_features = torch.empty_like(features) if of_own is not None and ctx.needs_input_grad[1] else None
        grad_own = torch.zeros_like(own) if of_features is not None and ctx.needs_input_grad[2] else None
        if features.numel():
            given = [of_features, of_own, of_bias, grad, passes, features, own]
            native.call("colours_double_backward", [*given, grad_grad, grad_features, grad_own], ctx.sizes, features)
        return grad_grad, grad_features, grad_own, None, None, None
