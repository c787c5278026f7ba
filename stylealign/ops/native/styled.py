"""What follows a modulated convolution, and the next one's style, in one pass on a GPU; differentiable twice."""

import ctypes
import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stylealign.ops.native import functions as native
from stylealign.ops.parameter_gradients import parameters_wanted


class _Sizes(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("batch", "pixels", "channels", "noise_step")),
        ("slope", ctypes.c_double),
        ("clamp", ctypes.c_double),
    ]


def styled(
    values: Tensor,
    scale: Tensor,
    bias: Tensor,
    noise: Tensor | None,
    style: Tensor,
    slope: float,
    clamp: float | None,
    dtype: torch.dtype,
    keeps: bool,
) -> tuple[Tensor | None, Tensor]:
    """Scale channels, add bias and noise, apply leaky ReLU and clamp, and scale the channels again for what follows.

    Args:
        values: `[N, C, H, W]`.
        scale: `[N, C]`.
        bias: `[C]`.
        noise: `[N or 1, 1, H, W]`, or None for 0.
        style: `[N, C]`, the factors of what follows.
        slope: factor of negative values.
        clamp: largest magnitude before the last factors, or None.
        dtype: of what is scaled again.
        keeps: return what is not scaled again, too.

    Returns:
        The activations `[N, C, H, W]` in the type of `values`, or None, and those times `style`; channels-last.
    """
    wide = torch.float64 if values.dtype == torch.float64 else torch.float32
    scale, bias, style = (t.to(wide).contiguous() for t in (scale, bias, style))
    noise = None if noise is None else noise.to(wide).contiguous()
    n, channels, height, width = values.shape
    step = height * width if noise is not None and len(noise) == n else 0
    sizes = _Sizes(n, height * width, channels, step, slope, math.inf if clamp is None else clamp)
    options = sizes, dtype, keeps, noise is not None and len(noise) == 1
    kept, scaled = _Styled.apply(native.channels_last(values), scale, bias, noise, style, options)
    return kept, scaled


class _Styled(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values: Tensor, scale: Tensor, bias: Tensor, noise: Tensor | None, style: Tensor, options: Any
    ) -> tuple[Tensor | None, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.sizes, dtype, keeps, ctx.shared_noise = options
        kept = torch.empty_like(values) if keeps else None
        scaled = torch.empty_like(values, dtype=dtype)
        if values.numel():
            native.call("styled", [values, scale, bias, noise, style, kept, scaled], ctx.sizes, values)
        ctx.save_for_backward(values, scale, bias, noise, style)
        return kept, scaled

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: Any, grad: Tensor | None, grad_scaled: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        of_bias, of_noise = (needed and parameters_wanted() for needed in ctx.needs_input_grad[2:4])
        results = _StyledBackward.apply(grad, grad_scaled, *ctx.saved_tensors, of_noise, ctx.sizes)
        grad_values, grad_scale, grad_bias, grad_noise, grad_style = results
        grad_bias = grad_bias.sum(dim=0) if of_bias else None
        if grad_noise is not None and ctx.shared_noise:
            grad_noise = grad_noise.sum(dim=0, keepdim=True)
        return grad_values, grad_scale, grad_bias, grad_noise, grad_style, None


class _StyledBackward(torch.autograd.Function):
    """Gradients of the values, the scale `[N, C]`, the bias per sample `[N, C]`, the noise per sample, the style."""

    @staticmethod
    def forward(
        ctx: Any,
        grad: Tensor | None,
        grad_scaled: Tensor | None,
        values: Tensor,
        scale: Tensor,
        bias: Tensor,
        noise: Tensor | None,
        style: Tensor,
        of_noise: bool,
        sizes: _Sizes,
    ) -> tuple[Tensor | None, ...]:
        ctx.set_materialize_grads(False)
        grad, grad_scaled = (None if t is None else native.channels_last(t) for t in (grad, grad_scaled))
        n, _, height, width = values.shape
        given = [grad, grad_scaled, values, scale, bias, noise, style]
        is_there = grad is not None or grad_scaled is not None
        grad_values = torch.empty_like(values) if is_there else torch.zeros_like(values)
        grad_scale, grad_bias, grad_style = (torch.zeros_like(scale) for _ in range(3))
        grad_noise = scale.new_zeros(n, 1, height, width) if of_noise else None
        if values.numel() and is_there:
            sums = [grad_scale, grad_bias, grad_style, grad_noise]
            native.call("styled_backward", [*given, grad_values, *sums], sizes, values)
        ctx.sizes = sizes
        ctx.save_for_backward(*given)
        return grad_values, grad_scale, grad_bias, grad_noise, grad_style

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        given = ctx.saved_tensors
        grad, grad_scaled, values, scale, _, noise, _ = given
        of_values, *rest = cotangents
        of_values = None if of_values is None else native.channels_last(of_values)
        rest = [None if t is None else t.contiguous() for t in rest]
        of_scale, of_style = rest[0], rest[3] if grad_scaled is not None else None
        grad_grad, grad_grad_scaled = (None if t is None else torch.empty_like(t) for t in (grad, grad_scaled))
        moves = of_scale is not None or of_style is not None
        is_there = grad is not None or grad_scaled is not None
        grad_values = torch.empty_like(values) if moves and is_there else None
        to_scale, to_bias, to_style = (torch.zeros_like(scale) for _ in range(3))
        to_noise = None
        if noise is not None and of_style is not None and ctx.needs_input_grad[5]:
            to_noise = scale.new_zeros(len(values), *noise.shape[1:])
        if values.numel() and is_there:
            results = [grad_grad, grad_grad_scaled, grad_values, to_scale, to_bias, to_style, to_noise]
            tensors = [of_values, *rest[:3], of_style, *given, *results]
            native.call("styled_double_backward", tensors, ctx.sizes, values)
        if to_noise is not None and noise is not None and len(noise) < len(values):
            to_noise = to_noise.sum(dim=0, keepdim=True)
        return grad_grad, grad_grad_scaled, grad_values, to_scale, to_bias.sum(dim=0), to_noise, to_style, None, None
