"""Geometric transforms of images without aliasing, differentiable any number of times.

As in Karras et al. 2020 (ADA, arXiv 2006.06676, appendix B): the image is up-sampled by 2 with an orthogonal wavelet's
low-pass filter, sampled bilinearly, and down-sampled with the same filter. The two filters undo each other, so the
identity transform gives the image back.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from stylealign.ops.native import functions as native
from stylealign.ops.native.sampling import Frame, sample

SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
"""Low-pass filter of the least asymmetric Daubechies wavelet with 6 vanishing moments (its squares sum to 1)."""

TAPS = len(SYM6)
DELAY = sum(k * tap for k, tap in enumerate(SYM6)) / sum(SYM6)
"""Where the filter puts a smooth signal: fine pixel n shows the image at pixel (n - DELAY) / 2."""

BORDER_PX = 8
"""Pixels of the mirrored surroundings that are up-sampled with the image."""


FILTER_REACH_PX = 3
"""Outermost pixels of the border whose up-sampling would need pixels beyond it."""


def warp(images: Tensor, inverse: Tensor) -> Tensor:
    """Transform images about their centres; what lies outside an image is its mirror image.

    Args:
        images: `[N, C, H, W]` float32 or float64.
        inverse: `[N, 3, 3]`, from homogeneous pixel coordinates (x, y, 1) of the result to those of the image, both
            with the origin at the centre.

    Returns:
        `[N, C, H, W]`.
    """
    height, width = images.shape[2:]
    border_y, border_x = min(BORDER_PX, height - 1), min(BORDER_PX, width - 1)
    fine = upsample(images, border_y, border_x)
    if native.fuses(fine):
        frame = Frame(height, width, border_y, border_x, fine.shape[2], fine.shape[3], DELAY, FILTER_REACH_PX)
        return downsample(sample(fine, inverse, frame))
    y, x = _fine_coordinates(height, images), _fine_coordinates(width, images)
    x_in, y_in = _transformed(inverse.to(images), x, y)
    x_in = _into_border(x_in + (width - 1) / 2, width, border_x)
    y_in = _into_border(y_in + (height - 1) / 2, height, border_y)
    # From pixels of the image to pixels of `fine`, then to grid_sample's coordinates: -1 to 1 between the outer edges.
    grid = torch.stack([_normalised(x_in, border_x, fine.shape[3]), _normalised(y_in, border_y, fine.shape[2])], dim=-1)
    return downsample(_Sample.apply(fine, grid))


def upsample(images: Tensor, border_y: int = 0, border_x: int = 0) -> Tensor:
    """Double `[N, C, H, W]` and its mirrored borders: pixel n of the result shows pixel (n - DELAY) / 2 of the two.

    Two products with a matrix: quicker than convolutions of single channels, and differentiable any number of times.

    Returns:
        `[N, C, 2 (H + 2 border_y) + 10, 2 (W + 2 border_x) + 10]`.
    """
    height, width = images.shape[2:]
    along = _doubling(height, border_y, images.dtype, images.device)
    across = _doubling(width, border_x, images.dtype, images.device)
    return along @ images @ across.t()


def downsample(fine: Tensor) -> Tensor:
    """Halve `[N, C, 2H + 10, 2W + 10]` to `[N, C, H, W]`; undoes `upsample` exactly."""
    height, width = ((size - TAPS) // 2 + 1 for size in fine.shape[2:])
    along, across = (_doubling(size, 0, fine.dtype, fine.device) for size in (height, width))
    return along.t() @ fine @ across * 0.25


@functools.cache
def _doubling(size: int, border: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the `[2 (size + 2 border) + 10, size]` matrix that doubles a line of pixels between mirrored borders.

    Kept for good: a CUDA graph goes on reading it, and later steps differentiate what it makes.
    """
    with torch.inference_mode(False):
        return _doubling_matrix(size, border).to(device, dtype)


def _doubling_matrix(size: int, border: int) -> Tensor:
    outside = torch.arange(-border, size + border)
    period = 2 * max(size - 1, 1)
    sources = (size - 1) - (outside % period - (size - 1)).abs()
    rows = 2 * torch.arange(len(outside))[:, None] + torch.arange(TAPS)
    taps = torch.tensor(SYM6, dtype=torch.float64) * math.sqrt(2)
    matrix = torch.zeros(2 * len(outside) + TAPS - 2, size, dtype=torch.float64)
    matrix.index_put_((rows, sources[:, None].expand_as(rows)), taps.expand(rows.shape), accumulate=True)
    return matrix


def _fine_coordinates(size: int, like: Tensor) -> Tensor:
    """Return where the fine pixels that make up `size` result pixels lie, in pixels from the image's centre."""
    n = torch.arange(2 * size + TAPS - 2, dtype=like.dtype, device=like.device)
    return (n - DELAY) / 2 - (size - 1) / 2


def _transformed(matrices: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Apply `[N, 3, 3]` matrices to the points of the grid `x [W]`, `y [H]`: two tensors `[N, H, W]`."""
    m = matrices[:, :2, :, None, None]
    x_in, y_in = (m[:, row, 0] * x + m[:, row, 1] * y[:, None] + m[:, row, 2] for row in range(2))
    return x_in, y_in


def _into_border(position: Tensor, size: int, border: int) -> Tensor:
    """Fold positions beyond the up-sampled border back into the image, as if it stood between two mirrors.

    The border itself is kept as it is: the wavelet is not quite symmetric, so that a mirrored up-sampled image differs
    a little from the up-sampled mirrored image, and the identity must stay exact.
    """
    outside = (position < FILTER_REACH_PX - border) | (position > size - 1 + border - FILTER_REACH_PX)
    period = 2 * max(size - 1, 1)
    folded = (position % period - (size - 1)).abs()
    return torch.where(outside, (size - 1) - folded, position)


def _normalised(position: Tensor, border: int, fine_size: int) -> Tensor:
    index = (position + border) * 2 + DELAY
    return (2 * index + 1) / fine_size - 1


class _Sample(torch.autograd.Function):
    """Bilinear sampling with a fixed grid: a linear map of the images, whose derivative is its adjoint.

    PyTorch's sampler has no second derivative everywhere. A linear map and its adjoint are each other's derivatives,
    so the pair can be differentiated any number of times. The grid gets no gradient.
    """

    @staticmethod
    def forward(ctx, images: Tensor, grid: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(grid)
        ctx.size = images.shape[2:]
        return _sampled(images, grid)

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        (grid,) = ctx.saved_tensors
        return _SampleAdjoint.apply(gradient, grid, ctx.size), None


class _SampleAdjoint(torch.autograd.Function):
    """The transposed map: adds every sampled value to the four pixels it was interpolated from."""

    @staticmethod
    def forward(ctx, samples: Tensor, grid: Tensor, size: torch.Size) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(grid)
        with torch.enable_grad():
            images = samples.new_zeros(*samples.shape[:2], *size).requires_grad_(True)
            (result,) = torch.autograd.grad(_sampled(images, grid), images, samples)
        return result

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        (grid,) = ctx.saved_tensors
        return _Sample.apply(gradient, grid), None, None


def _sampled(images: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
