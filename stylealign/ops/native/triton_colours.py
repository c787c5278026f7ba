"""Colours from activations on NVIDIA GPUs: toRGB's product, bias, clamp and the up-sampled skip in one pass, in Triton.

Activations lie as `[N][pixels][channels]`, colours as `[N][pixels][FEW]`. A program has all channels of its pixels, so
that each is read once for all colours. Sums over pixels are taken over blocks of fixed size in a fixed order.
"""

import triton
import triton.language as tl

from stylealign.ops.native.triton_kernels import _wide


@triton.jit
def _clamped(z, CLAMP: tl.constexpr):
    value = tl.where(z > CLAMP, CLAMP, z)  # comparisons, so that what is no number stays visible
    return tl.where(value < -CLAMP, -CLAMP, value)


@triton.jit
def _from_half(image, n, pixel, o, inside, height, width, FEW: tl.constexpr):
    """Return pixels of the image of half the size, doubled: 3/4 of the nearest, 1/4 of the next, on both axes."""
    low, narrow = height // 2, width // 2
    y, x = pixel // width, pixel % width
    result = tl.zeros(pixel.shape, dtype=tl.float64 if image.dtype.element_ty == tl.float64 else tl.float32)
    for j in tl.static_range(2):
        row = y // 2 + j * (2 * (y % 2) - 1)
        for k in tl.static_range(2):
            column = x // 2 + k * (2 * (x % 2) - 1)
            there = inside & (row >= 0) & (row < low) & (column >= 0) & (column < narrow)
            value = tl.load(image + ((n * low + row) * narrow + column) * FEW + o, mask=there, other=0)
            result += _wide(value) * ((0.75 - 0.5 * j) * (0.75 - 0.5 * k))
    return result


@triton.jit
def colours(
    features,
    own,
    bias,
    image,
    target,
    passes,
    height,
    width,
    channels,
    CLAMP: tl.constexpr,
    SKIP: tl.constexpr,
    CUT: tl.constexpr,
    FEW: tl.constexpr,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """One program: P pixels of one sample. `passes` is 1 where the clamp lets a gradient through."""
    n = tl.program_id(1).to(tl.int64)
    pixels = height * width
    pixel = tl.program_id(0) * P + tl.arange(0, P)
    channel = tl.arange(0, C)
    known, inside = channel < channels, pixel < pixels
    at = n * pixels + pixel.to(tl.int64)
    f = _wide(tl.load(features + at[:, None] * channels + channel[None, :], mask=inside[:, None] & known, other=0))
    for o in tl.static_range(FEW):
        weight = tl.load(own + (n * FEW + o) * channels + channel, mask=known, other=0)
        z = tl.sum(f * weight[None, :], axis=1) + tl.load(bias + o)
        if CUT:
            size = tl.where(z < 0, -z, z)
            tl.store(passes + at * FEW + o, (size <= CLAMP).to(tl.int8), mask=inside)
            z = _clamped(z, CLAMP)
        if SKIP:
            z += _from_half(image, n, pixel, o, inside, height, width, FEW)
        tl.store(target + at * FEW + o, z.to(target.dtype.element_ty), mask=inside)


@triton.jit
def _passed(grad, passes, at, inside, CUT: tl.constexpr):
    """Return what the clamp lets through of a gradient."""
    h = _wide(tl.load(grad + at, mask=inside, other=0))
    return tl.where(tl.load(passes + at, mask=inside, other=0) != 0, h, 0.0) if CUT else h


@triton.jit
def colours_backward(
    grad,
    passes,
    features,
    own,
    grad_features,
    own_sums,
    bias_sums,
    pixels,
    channels,
    TO_OWN: tl.constexpr,
    TO_BIAS: tl.constexpr,
    CUT: tl.constexpr,
    FEW: tl.constexpr,
    ROWS: tl.constexpr,
    STEPS: tl.constexpr,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """One program: STEPS times P pixels of one sample. Sums of the block: `[N, blocks, FEW, channels]` and without."""
    n, block = tl.program_id(1).to(tl.int64), tl.program_id(0)
    channel, row = tl.arange(0, C), tl.arange(0, ROWS)
    known = channel < channels
    dtype: tl.constexpr = tl.float64 if features.dtype.element_ty == tl.float64 else tl.float32
    of_own, of_bias = tl.zeros([ROWS, C], dtype=dtype), tl.zeros([ROWS], dtype=dtype)
    for step in range(STEPS):
        pixel = (block * STEPS + step) * P + tl.arange(0, P)
        inside = pixel < pixels
        at = n * pixels + pixel.to(tl.int64)
        both = at[:, None] * channels + channel[None, :]
        if TO_OWN:
            f = _wide(tl.load(features + both, mask=inside[:, None] & known, other=0))
        moved = tl.zeros([P, C], dtype=dtype)
        for o in tl.static_range(FEW):
            h = _passed(grad, passes, at * FEW + o, inside, CUT)
            weight = tl.load(own + (n * FEW + o) * channels + channel, mask=known, other=0)
            moved += h[:, None] * weight[None, :]
            if TO_OWN:
                of_own += tl.where((row == o)[:, None], tl.sum(h[:, None] * f, axis=0)[None, :], 0.0)
            if TO_BIAS:
                of_bias += tl.where(row == o, tl.sum(h, axis=0), 0.0)
        tl.store(grad_features + both, moved.to(grad_features.dtype.element_ty), mask=inside[:, None] & known)
    sums_at = (n * tl.num_programs(0) + block) * FEW + row
    if TO_OWN:
        own_at = sums_at[:, None] * channels + channel[None, :]
        tl.store(own_sums + own_at, of_own, mask=(row < FEW)[:, None] & known)
    if TO_BIAS:
        tl.store(bias_sums + sums_at, of_bias, mask=row < FEW)


@triton.jit
def colours_double_backward(
    of_features,
    of_own,
    of_bias,
    grad,
    passes,
    features,
    own,
    grad_grad,
    grad_features,
    own_sums,
    pixels,
    channels,
    VIA_FEATURES: tl.constexpr,
    VIA_OWN: tl.constexpr,
    VIA_BIAS: tl.constexpr,
    TO_FEATURES: tl.constexpr,
    TO_OWN: tl.constexpr,
    CUT: tl.constexpr,
    FEW: tl.constexpr,
    ROWS: tl.constexpr,
    STEPS: tl.constexpr,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """The backward of `colours_backward`; programs and sums as there.

    TO_FEATURES needs VIA_OWN, and TO_OWN needs VIA_FEATURES.
    """
    n, block = tl.program_id(1).to(tl.int64), tl.program_id(0)
    channel, row = tl.arange(0, C), tl.arange(0, ROWS)
    known = channel < channels
    dtype: tl.constexpr = tl.float64 if features.dtype.element_ty == tl.float64 else tl.float32
    sums = tl.zeros([ROWS, C], dtype=dtype)
    for step in range(STEPS):
        pixel = (block * STEPS + step) * P + tl.arange(0, P)
        inside = pixel < pixels
        at = n * pixels + pixel.to(tl.int64)
        both = at[:, None] * channels + channel[None, :]
        there = inside[:, None] & known
        if VIA_FEATURES:
            v = _wide(tl.load(of_features + both, mask=there, other=0))
        if VIA_OWN:
            f = _wide(tl.load(features + both, mask=there, other=0))
        moved = tl.zeros([P, C], dtype=dtype)
        for o in tl.static_range(FEW):
            own_at = (n * FEW + o) * channels + channel
            result = tl.zeros([P], dtype=dtype)
            if VIA_FEATURES:
                result += tl.sum(v * tl.load(own + own_at, mask=known, other=0)[None, :], axis=1)
            if VIA_OWN:
                u = tl.load(of_own + own_at, mask=known, other=0)[None, :]
                result += tl.sum(f * u, axis=1)
            if VIA_BIAS:
                result += tl.load(of_bias + n * FEW + o)
            if CUT:
                result = tl.where(tl.load(passes + at * FEW + o, mask=inside, other=0) != 0, result, 0.0)
            tl.store(grad_grad + at * FEW + o, result.to(grad_grad.dtype.element_ty), mask=inside)
            h = _passed(grad, passes, at * FEW + o, inside, CUT)[:, None]
            if TO_FEATURES:
                moved += h * u
            if TO_OWN:
                sums += tl.where((row == o)[:, None], tl.sum(h * v, axis=0)[None, :], 0.0)
        if TO_FEATURES:
            tl.store(grad_features + both, moved.to(grad_features.dtype.element_ty), mask=there)
    if TO_OWN:
        sums_at = ((n * tl.num_programs(0) + block) * FEW + row)[:, None] * channels + channel[None, :]
        tl.store(own_sums + sums_at, sums, mask=(row < FEW)[:, None] & known)
