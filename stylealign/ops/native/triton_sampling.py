"""ADA's geometric transform on NVIDIA GPUs, in Triton: where each pixel comes from is computed where it is sampled.

Images lie as `[N][C][height][width]`.
"""

import triton
import triton.language as tl

from stylealign.ops.native.triton_kernels import _wide


@triton.jit
def _mirrored(position, size, border, REACH: tl.constexpr):
    """Fold what lies beyond the up-sampled border back, as if the image stood between two mirrors."""
    last = size - 1
    period = 2 * tl.maximum(last, 1)
    outside = (position < REACH - border) | (position > last + border - REACH)
    turned = position - tl.floor(position / period) * period - last
    return tl.where(outside, last - tl.where(turned < 0, -turned, turned), position)


@triton.jit
def _place(position, size, border, fine_size, DELAY: tl.constexpr, REACH: tl.constexpr):
    """Return the fine pixel at or before a position (in pixels of the image), and how far behind it that lies."""
    index = (_mirrored(position, size, border, REACH) + border) * 2 + DELAY
    index = tl.where(index < 0, 0.0, tl.where(index > fine_size - 1, fine_size - 1, index))
    first = tl.floor(index)
    return first.to(tl.int32), index - first


@triton.jit
def _places(
    inverse,
    n,
    element,
    height,
    width,
    border_y,
    border_x,
    fine_height,
    fine_width,
    DELAY: tl.constexpr,
    REACH: tl.constexpr,
):
    """Return where elements of the result come from: y, x and the shares of the pixels behind them."""
    columns = 2 * width + 10
    m = inverse + n * 6
    a, b, c = tl.load(m), tl.load(m + 1), tl.load(m + 2)
    d, e, f = tl.load(m + 3), tl.load(m + 4), tl.load(m + 5)
    x = ((element % columns).to(a.dtype) - DELAY) * 0.5 - (width - 1) * 0.5
    y = ((element // columns).to(a.dtype) - DELAY) * 0.5 - (height - 1) * 0.5
    x_in = a * x + b * y + c + (width - 1) * 0.5
    y_in = d * x + e * y + f + (height - 1) * 0.5
    row, down = _place(y_in, height, border_y, fine_height, DELAY, REACH)
    column, right = _place(x_in, width, border_x, fine_width, DELAY, REACH)
    return row, column, down, right


@triton.jit
def sample(
    fine,
    inverse,
    target,
    channels,
    height,
    width,
    border_y,
    border_x,
    fine_height,
    fine_width,
    DELAY: tl.constexpr,
    REACH: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One program: BLOCK pixels of one image, all its channels."""
    n = tl.program_id(1).to(tl.int64)
    count = (2 * height + 10) * (2 * width + 10)
    element = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = element < count
    row, column, down, right = _places(
        inverse, n, element, height, width, border_y, border_x, fine_height, fine_width, DELAY, REACH
    )
    for channel in range(channels):
        plane = n * channels + channel
        source = fine + plane * fine_height * fine_width
        sums = tl.zeros([BLOCK], dtype=down.dtype)
        for j in tl.static_range(2):
            share_y = down if j else 1 - down
            for k in tl.static_range(2):
                share = share_y * (right if k else 1 - right)
                there = inside & (row + j < fine_height) & (column + k < fine_width)
                value = tl.load(source + (row + j) * fine_width + column + k, mask=there, other=0)
                sums += share * _wide(value)
        tl.store(target + plane * count + element, sums.to(target.dtype.element_ty), mask=inside)


@triton.jit
def sample_adjoint(
    samples,
    inverse,
    target,
    channels,
    height,
    width,
    border_y,
    border_x,
    fine_height,
    fine_width,
    DELAY: tl.constexpr,
    REACH: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The transposed map, added to `target`; programs as in `sample`. The order of the sums is the GPU's."""
    n = tl.program_id(1).to(tl.int64)
    count = (2 * height + 10) * (2 * width + 10)
    element = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = element < count
    row, column, down, right = _places(
        inverse, n, element, height, width, border_y, border_x, fine_height, fine_width, DELAY, REACH
    )
    for channel in range(channels):
        plane = n * channels + channel
        value = tl.load(samples + plane * count + element, mask=inside, other=0)
        image = target + plane * fine_height * fine_width
        for j in tl.static_range(2):
            share_y = down if j else 1 - down
            for k in tl.static_range(2):
                share = share_y * (right if k else 1 - right)
                there = inside & (row + j < fine_height) & (column + k < fine_width)
                tl.atomic_add(image + (row + j) * fine_width + column + k, share * value, mask=there)
