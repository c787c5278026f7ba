"""The native operations on NVIDIA GPUs, in Triton: one read and one write of the activations each.

Images lie as `[planes][height][width][inner]` (see kernels.h). Half precision is computed in float32. Sums over pixels
are taken over blocks of fixed size in a fixed order, so that results do not depend on the GPU.

This module is imported where the operations are used: importing Triton takes time, and a CPU needs none of it.
"""

import triton
import triton.language as tl


@triton.jit
def _wide(value):
    """Return `value` in the type it is computed in."""
    return value if value.dtype == tl.float64 else value.to(tl.float32)


@triton.jit
def _tap(k):
    """Return tap k of the low-pass filter [1, 3, 3, 1] / 8; 0 beyond it."""
    return tl.where((k == 0) | (k == 3), 0.125, tl.where((k == 1) | (k == 2), 0.375, 0.0))


@triton.jit
def resample(
    source,
    target,
    height,
    width,
    inner,
    out_height,
    out_width,
    LEFT: tl.constexpr,
    TOP: tl.constexpr,
    GAIN: tl.constexpr,
    UP: tl.constexpr,
    DOWN: tl.constexpr,
    TAPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One program: BLOCK elements of one row of the result. TAPS = ceil(4 / UP) source rows and columns reach each."""
    row = tl.program_id(0)
    plane = (row // out_height).to(tl.int64)
    wide_y = (row % out_height) * DOWN - TOP
    element = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = element < out_width * inner
    wide_x = (element // inner) * DOWN - LEFT
    channel = element % inner
    # The first pixel that a tap meets is the ceiling of wide / UP; division rounds towards zero, hence the shift.
    SHIFT_Y: tl.constexpr = TOP + 1 if TOP >= 0 else 0
    SHIFT_X: tl.constexpr = LEFT + 1 if LEFT >= 0 else 0
    first_y = (wide_y + UP * SHIFT_Y + UP - 1) // UP - SHIFT_Y
    first_x = (wide_x + UP * SHIFT_X + UP - 1) // UP - SHIFT_X
    image = source + plane * height * width * inner
    dtype: tl.constexpr = tl.float64 if source.dtype.element_ty == tl.float64 else tl.float32
    sums = tl.zeros([BLOCK], dtype=dtype)
    for j in tl.static_range(TAPS):
        y = first_y + j
        weight_y = _tap(y * UP - wide_y)
        for k in tl.static_range(TAPS):
            x = first_x + k
            weight = weight_y * _tap(x * UP - wide_x)
            there = inside & (y >= 0) & (y < height) & (x >= 0) & (x < width) & (weight != 0)
            value = tl.load(image + (y * width + x) * inner + channel, mask=there, other=0)
            sums += weight.to(dtype) * _wide(value)
    out = target + row.to(tl.int64) * out_width * inner + element
    tl.store(out, (sums * GAIN).to(target.dtype.element_ty), mask=inside)


@triton.jit
def _activated(z, SLOPE: tl.constexpr, CLAMP: tl.constexpr):
    value = tl.where(z < 0, z * SLOPE, z)
    value = tl.where(value > CLAMP, CLAMP, value)  # comparisons, so that what is no number stays visible
    return tl.where(value < -CLAMP, -CLAMP, value)


@triton.jit
def _sloped(z, out, SLOPE: tl.constexpr, CLAMP: tl.constexpr):
    """Return `z` times the derivative of the activation where its result is `out`; the slope at 0."""
    size = tl.where(out < 0, -out, out)
    return tl.where(size < CLAMP, tl.where(out > 0, z, z * SLOPE), 0.0)


@triton.jit
def epilogue(
    values,
    target,
    scale,
    bias,
    noise,
    pixels,
    channels,
    noise_step,
    SLOPE: tl.constexpr,
    CLAMP: tl.constexpr,
    SCALED: tl.constexpr,
    BIASED: tl.constexpr,
    NOISY: tl.constexpr,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """One program: P pixels of one sample, C channels."""
    n = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * P + tl.arange(0, P)
    channel = tl.program_id(2) * C + tl.arange(0, C)
    known = channel < channels
    inside = (pixel < pixels)[:, None] & known[None, :]
    at = (n * pixels + pixel.to(tl.int64))[:, None] * channels + channel[None, :]
    z = _wide(tl.load(values + at, mask=inside, other=0))
    if SCALED:
        z = z * _wide(tl.load(scale + n * channels + channel, mask=known, other=0))[None, :]
    if BIASED:
        z = z + _wide(tl.load(bias + channel, mask=known, other=0))[None, :]
    if NOISY:
        z = z + _wide(tl.load(noise + n * noise_step + pixel, mask=pixel < pixels, other=0))[:, None]
    z = _activated(z, SLOPE, CLAMP)
    tl.store(target + at, z.to(target.dtype.element_ty), mask=inside)


@triton.jit
def epilogue_backward(
    grad,
    values,
    out,
    scale,
    grad_values,
    scale_sums,
    bias_sums,
    noise_sums,
    batch,
    pixels,
    channels,
    SLOPE: tl.constexpr,
    CLAMP: tl.constexpr,
    SCALED: tl.constexpr,
    ACTIVATED: tl.constexpr,
    OF_SCALE: tl.constexpr,
    OF_BIAS: tl.constexpr,
    OF_NOISE: tl.constexpr,
    STEPS: tl.constexpr,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """One program: STEPS times P pixels of one sample, C channels.

    Sums of the block: over pixels `[N, blocks, channels]`, over channels `[channel groups, N, pixels]`.
    """
    n, block, group = tl.program_id(1).to(tl.int64), tl.program_id(0), tl.program_id(2)
    channel = group * C + tl.arange(0, C)
    known = channel < channels
    dtype: tl.constexpr = tl.float64 if grad.dtype.element_ty == tl.float64 else tl.float32
    of_scale, of_bias = tl.zeros([C], dtype=dtype), tl.zeros([C], dtype=dtype)
    if SCALED:
        factor = _wide(tl.load(scale + n * channels + channel, mask=known, other=0))
    for step in range(STEPS):
        pixel = (block * STEPS + step) * P + tl.arange(0, P)
        inside = (pixel < pixels)[:, None] & known[None, :]
        at = (n * pixels + pixel.to(tl.int64))[:, None] * channels + channel[None, :]
        z = _wide(tl.load(grad + at, mask=inside, other=0))
        if ACTIVATED:
            z = _sloped(z, _wide(tl.load(out + at, mask=inside, other=0)), SLOPE, CLAMP)
        if OF_SCALE:
            of_scale += tl.sum(z * _wide(tl.load(values + at, mask=inside, other=0)), axis=0)
        if OF_BIAS:
            of_bias += tl.sum(z, axis=0)
        if OF_NOISE:
            here = noise_sums + (group.to(tl.int64) * batch + n) * pixels + pixel
            tl.store(here, tl.sum(z, axis=1), mask=pixel < pixels)
        if SCALED:
            z = z * factor[None, :]
        tl.store(grad_values + at, z.to(grad_values.dtype.element_ty), mask=inside)
    sums_at = (n * tl.num_programs(0) + block) * channels + channel
    if OF_SCALE:
        tl.store(scale_sums + sums_at, of_scale, mask=known)
    if OF_BIAS:
        tl.store(bias_sums + sums_at, of_bias, mask=known)


@triton.jit
def epilogue_double_backward(
    of_values,
    of_scale,
    of_bias,
    of_noise,
    grad,
    values,
    out,
    scale,
    grad_grad,
    grad_values,
    scale_sums,
    pixels,
    channels,
    SLOPE: tl.constexpr,
    CLAMP: tl.constexpr,
    VIA_VALUES: tl.constexpr,
    VIA_SCALE: tl.constexpr,
    VIA_BIAS: tl.constexpr,
    VIA_NOISE: tl.constexpr,
    SCALED: tl.constexpr,
    ACTIVATED: tl.constexpr,
    TO_VALUES: tl.constexpr,
    TO_SCALE: tl.constexpr,
    STEPS: tl.constexpr,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """The backward of `epilogue_backward`; programs and sums as there."""
    n, block = tl.program_id(1).to(tl.int64), tl.program_id(0)
    channel = tl.program_id(2) * C + tl.arange(0, C)
    known = channel < channels
    own = n * channels + channel
    dtype: tl.constexpr = tl.float64 if grad.dtype.element_ty == tl.float64 else tl.float32
    sums = tl.zeros([C], dtype=dtype)
    if SCALED:
        factor = _wide(tl.load(scale + own, mask=known, other=0))
    if VIA_SCALE:
        via_scale = _wide(tl.load(of_scale + own, mask=known, other=0))
    if VIA_BIAS:
        via_bias = _wide(tl.load(of_bias + own, mask=known, other=0))
    for step in range(STEPS):
        pixel = (block * STEPS + step) * P + tl.arange(0, P)
        inside = (pixel < pixels)[:, None] & known[None, :]
        at = (n * pixels + pixel.to(tl.int64))[:, None] * channels + channel[None, :]
        z = _wide(tl.load(grad + at, mask=inside, other=0))
        result = tl.zeros([P, C], dtype=dtype)
        if VIA_BIAS:
            result += via_bias[None, :]
        if VIA_NOISE:
            result += _wide(tl.load(of_noise + n * pixels + pixel, mask=pixel < pixels, other=0))[:, None]
        if VIA_SCALE:
            result += via_scale[None, :] * _wide(tl.load(values + at, mask=inside, other=0))
        if VIA_VALUES:
            v = _wide(tl.load(of_values + at, mask=inside, other=0))
            result += v * factor[None, :] if SCALED else v
        if ACTIVATED:
            here = _wide(tl.load(out + at, mask=inside, other=0))
            z, result = _sloped(z, here, SLOPE, CLAMP), _sloped(result, here, SLOPE, CLAMP)
        if TO_SCALE:
            sums += tl.sum(v * z, axis=0)
        if TO_VALUES:
            moved = via_scale[None, :] * z
            tl.store(grad_values + at, moved.to(grad_values.dtype.element_ty), mask=inside)
        tl.store(grad_grad + at, result.to(grad_grad.dtype.element_ty), mask=inside)
    if TO_SCALE:
        tl.store(scale_sums + (n * tl.num_programs(0) + block) * channels + channel, sums, mask=known)
