"""Convolutions whose second derivatives are ordinary convolutions.

PyTorch differentiates a convolution twice by way of convolutions with kernels as large as the images, and in groups;
R1 and path-length regularisation spend most of their time there. Written out, each term of the second derivative is a
convolution, or a gradient of one, with the very same arguments: what the libraries are fastest at.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stylealign.ops.native import functions as native
from stylealign.ops.parameter_gradients import parameters_wanted
from stylealign.ops.plain import plain_wanted


def conv2d(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    transposed: bool = False,
) -> Tensor:
    """Convolve `[N, I, H, W]` with `[O, I, k, k]` (`[I, O, k, k]` if `transposed`); differentiable twice."""
    geometry = (stride, padding, transposed)
    if plain_wanted():
        return _plain_convolution(features, weight, bias, geometry)
    return _Convolution.apply(features, weight, bias, geometry)


Geometry = tuple[int, int, bool]
"""Stride, padding, transposed."""


def _convolve(features: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    if _plain_3x3(weight, geometry):
        result = native.convolution(features, weight, bias, geometry[1], adjoint=False)
        if result is not None:
            return result
    return _plain_convolution(features, weight, bias, geometry)


def _plain_convolution(features: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    stride, padding, transposed = geometry
    return torch.convolution(
        features, weight, bias, (stride, stride), (padding, padding), (1, 1), transposed, (0, 0), 1
    )


def _plain_3x3(weight: Tensor, geometry: Geometry) -> bool:
    stride, padding, transposed = geometry
    return weight.shape[2] == 3 and stride == 1 and padding <= 2 and not transposed


def _gradients(
    grad: Tensor, features: Tensor, weight: Tensor, geometry: Geometry, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    stride, padding, transposed = geometry
    grad_features = grad_weight = grad_bias = None
    if wanted[0] and _plain_3x3(weight, geometry):
        grad_features = native.convolution(grad, weight, None, padding, adjoint=True)
    if wanted[1]:
        small, large = (features, grad) if transposed else (grad, features)
        grad_weight = native.weight_gradient(small, large, weight, stride, padding)
    missing = [wanted[0] and grad_features is None, wanted[1] and grad_weight is None, False]
    if any(missing):
        theirs = torch.ops.aten.convolution_backward(
            grad, features, weight, None, [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], 1, missing
        )
        grad_features = theirs[0] if missing[0] else grad_features
        grad_weight = theirs[1] if missing[1] else grad_weight
    if wanted[2]:  # PyTorch's function above computes the weights' gradient too, wanted or not, when asked for this one
        grad_bias = grad.sum(dim=(0, 2, 3))
    return grad_features, grad_weight, grad_bias


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(features, weight)
        ctx.geometry = geometry
        return _convolve(features, weight, bias, geometry)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        wanted = tuple(ctx.needs_input_grad[:3])
        if not parameters_wanted():
            wanted = (wanted[0], False, False)
        return *_ConvolutionBackward.apply(grad, *ctx.saved_tensors, ctx.geometry, wanted), None


class _ConvolutionBackward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, grad: Tensor, features: Tensor, weight: Tensor, geometry: Geometry, wanted: tuple[bool, bool, bool]
    ) -> tuple[Tensor | None, ...]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(grad, features, weight)
        ctx.geometry = geometry
        return _gradients(grad, features, weight, geometry, wanted)

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, of_features: Tensor | None, of_weight: Tensor | None, of_bias: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        grad, features, weight = ctx.saved_tensors
        needs_grad, needs_features, needs_weight = ctx.needs_input_grad[:3]
        grad_grad = grad_features = grad_weight = None
        if needs_grad:
            # The result of a convolution is linear in each of its arguments, and so are its gradients.
            terms = []
            if of_features is not None:
                terms.append(_convolve(of_features, weight, None, ctx.geometry))
            if of_weight is not None:
                terms.append(_convolve(features, of_weight, None, ctx.geometry))
            if of_bias is not None:
                terms.append(of_bias[:, None, None].expand_as(grad))
            grad_grad = sum(terms[1:], terms[0]) if terms else None
        if needs_features and of_weight is not None:
            grad_features = _gradients(grad, features, of_weight, ctx.geometry, (True, False, False))[0]
        if needs_weight and of_features is not None:
            grad_weight = _gradients(grad, of_features, weight, ctx.geometry, (False, True, False))[1]
        return grad_grad, grad_features, grad_weight, None, None
