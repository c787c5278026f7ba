"""Sampling an up-sampled image along an affine transform on a GPU: a linear map and its adjoint, each other's
derivative; the transform gets no gradient."""

import ctypes
from typing import Any, NamedTuple

import torch
from torch import Tensor

from stylealign.ops.native import functions as native


class Frame(NamedTuple):
    """Sizes of an image and of its up-sampled form.

    Attributes:
        height, width: of the image.
        border_y, border_x: mirrored pixels around it that are up-sampled with it.
        fine_height, fine_width: of the up-sampled form.
        delay: fine pixel n shows pixel (n - delay) / 2.
        reach: outermost pixels of the border that are not used.
    """

    height: int
    width: int
    border_y: int
    border_x: int
    fine_height: int
    fine_width: int
    delay: float
    reach: int


class _Sizes(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("batch", "channels", "height", "width", "border_y", "border_x")),
        *((name, ctypes.c_int64) for name in ("fine_height", "fine_width")),
        ("delay", ctypes.c_double),
        ("reach", ctypes.c_int64),
    ]


def sample(fine: Tensor, inverse: Tensor, frame: Frame) -> Tensor:
    """Sample bilinearly where the fine pixels of the result come from.

    Args:
        fine: `[N, C, fine_height, fine_width]` float32 or float64.
        inverse: `[N, 3, 3]`, from coordinates (x, y, 1) of the result to those of the image, origin at the centre.
        frame: sizes.

    Returns:
        `[N, C, 2 height + 10, 2 width + 10]`.
    """
    return _Sample.apply(fine, inverse[:, :2].to(fine).contiguous(), frame)


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, fine: Tensor, inverse: Tensor, frame: Frame) -> Tensor:
        ctx.save_for_backward(inverse)
        ctx.frame = frame
        result = fine.new_empty(*fine.shape[:2], 2 * frame.height + 10, 2 * frame.width + 10)
        return _called("sample", fine, inverse, result, frame)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return _SampleAdjoint.apply(grad, *ctx.saved_tensors, ctx.frame), None, None


class _SampleAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, samples: Tensor, inverse: Tensor, frame: Frame) -> Tensor:
        ctx.save_for_backward(inverse)
        ctx.frame = frame
        result = samples.new_zeros(*samples.shape[:2], frame.fine_height, frame.fine_width)
        return _called("sample_adjoint", samples, inverse, result, frame)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return _Sample.apply(grad, *ctx.saved_tensors, ctx.frame), None, None


def _called(name: str, images: Tensor, inverse: Tensor, result: Tensor, frame: Frame) -> Tensor:
    if result.numel():
        native.call(name, [images.contiguous(), inverse, result], _Sizes(*images.shape[:2], *frame), images)
    return result
