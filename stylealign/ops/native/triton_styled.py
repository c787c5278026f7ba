"""What follows a modulated convolution, and the next one's style, in one pass on NVIDIA GPUs, in Triton.

The derivatives compute the activation again from the convolution's result instead of reading it: a pass less, and
nothing to keep. Activations lie as `[N][pixels][channels]`. What belongs to a sample or a channel, and noise, is in the
type that is computed in. Sums over pixels are taken over blocks of fixed size in a fixed order.
"""

import triton
import triton.language as tl

from stylealign.ops.native.triton_kernels import _activated, _sloped, _wide


@triton.jit
def styled(
    values,
    scale,
    bias,
    noise,
    style,
    target,
    scaled,
    pixels,
    channels,
    noise_step,
    SLOPE: tl.constexpr,
    CLAMP: tl.constexpr,
    NOISY: tl.constexpr,
    KEPT: tl.constexpr,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """One program: P pixels of one sample, C channels. KEPT: the activation itself is wanted too, in `target`."""
    n = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * P + tl.arange(0, P)
    channel = tl.program_id(2) * C + tl.arange(0, C)
    known = channel < channels
    own = n * channels + channel
    inside = (pixel < pixels)[:, None] & known[None, :]
    at = (n * pixels + pixel.to(tl.int64))[:, None] * channels + channel[None, :]
    z = _wide(tl.load(values + at, mask=inside, other=0)) * tl.load(scale + own, mask=known, other=0)[None, :]
    z += tl.load(bias + channel, mask=known, other=0)[None, :]
    if NOISY:
        z += tl.load(noise + n * noise_step + pixel, mask=pixel < pixels, other=0)[:, None]
    y = _activated(z, SLOPE, CLAMP)
    if KEPT:
        tl.store(target + at, y.to(target.dtype.element_ty), mask=inside)
    y = y * tl.load(style + own, mask=known, other=0)[None, :]
    tl.store(scaled + at, y.to(scaled.dtype.element_ty), mask=inside)


@triton.jit
def styled_backward(
    grad,
    grad_scaled,
    values,
    scale,
    bias,
    noise,
    style,
    grad_values,
    scale_sums,
    bias_sums,
    style_sums,
    noise_sums,
    batch,
    pixels,
    channels,
    noise_step,
    SLOPE: tl.constexpr,
    CLAMP: tl.constexpr,
    NOISY: tl.constexpr,
    KEPT: tl.constexpr,
    NEXT: tl.constexpr,
    OF_NOISE: tl.constexpr,
    STEPS: tl.constexpr,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """One program: STEPS times P pixels of one sample, C channels. KEPT, NEXT: which of the results has a gradient.

    Sums of the block: over pixels `[N, blocks, channels]`, over channels `[channel groups, N, pixels]`.
    """
    n, block, group = tl.program_id(1).to(tl.int64), tl.program_id(0), tl.program_id(2)
    channel = group * C + tl.arange(0, C)
    known = channel < channels
    own = n * channels + channel
    dtype: tl.constexpr = tl.float64 if scale.dtype.element_ty == tl.float64 else tl.float32
    of_scale, of_bias, of_style = tl.zeros([C], dtype=dtype), tl.zeros([C], dtype=dtype), tl.zeros([C], dtype=dtype)
    factor = tl.load(scale + own, mask=known, other=0)[None, :]
    shift = tl.load(bias + channel, mask=known, other=0)[None, :]
    next_factor = tl.load(style + own, mask=known, other=0)[None, :]
    for step in range(STEPS):
        pixel = (block * STEPS + step) * P + tl.arange(0, P)
        inside = (pixel < pixels)[:, None] & known[None, :]
        at = (n * pixels + pixel.to(tl.int64))[:, None] * channels + channel[None, :]
        x = _wide(tl.load(values + at, mask=inside, other=0))
        z = x * factor + shift
        if NOISY:
            z += tl.load(noise + n * noise_step + pixel, mask=pixel < pixels, other=0)[:, None]
        y = _activated(z, SLOPE, CLAMP)
        h = tl.zeros([P, C], dtype=dtype)
        if KEPT:
            h += _wide(tl.load(grad + at, mask=inside, other=0))
        if NEXT:
            g = _wide(tl.load(grad_scaled + at, mask=inside, other=0))
            h += g * next_factor
            of_style += tl.sum(g * y, axis=0)
        h = _sloped(h, y, SLOPE, CLAMP)
        of_scale += tl.sum(h * x, axis=0)
        of_bias += tl.sum(h, axis=0)
        if OF_NOISE:
            here = noise_sums + (group.to(tl.int64) * batch + n) * pixels + pixel
            tl.store(here, tl.sum(h, axis=1), mask=pixel < pixels)
        tl.store(grad_values + at, (h * factor).to(grad_values.dtype.element_ty), mask=inside)
    sums_at = (n * tl.num_programs(0) + block) * channels + channel
    tl.store(scale_sums + sums_at, of_scale, mask=known)
    tl.store(bias_sums + sums_at, of_bias, mask=known)
    tl.store(style_sums + sums_at, of_style, mask=known)


@triton.jit
def styled_double_backward(
    of_values,
    of_scale,
    of_bias,
    of_noise,
    of_style,
    grad,
    grad_scaled,
    values,
    scale,
    bias,
    noise,
    style,
    grad_grad,
    grad_grad_scaled,
    grad_values,
    scale_sums,
    bias_sums,
    style_sums,
    noise_sums,
    batch,
    pixels,
    channels,
    noise_step,
    SLOPE: tl.constexpr,
    CLAMP: tl.constexpr,
    NOISY: tl.constexpr,
    KEPT: tl.constexpr,
    NEXT: tl.constexpr,
    VIA_VALUES: tl.constexpr,
    VIA_SCALE: tl.constexpr,
    VIA_BIAS: tl.constexpr,
    VIA_NOISE: tl.constexpr,
    VIA_STYLE: tl.constexpr,
    TO_NOISE: tl.constexpr,
    STEPS: tl.constexpr,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """The backward of `styled_backward`; programs and sums as there. VIA_STYLE needs NEXT."""
    n, block, group = tl.program_id(1).to(tl.int64), tl.program_id(0), tl.program_id(2)
    channel = group * C + tl.arange(0, C)
    known = channel < channels
    own = n * channels + channel
    dtype: tl.constexpr = tl.float64 if scale.dtype.element_ty == tl.float64 else tl.float32
    to_scale, to_bias, to_style = tl.zeros([C], dtype=dtype), tl.zeros([C], dtype=dtype), tl.zeros([C], dtype=dtype)
    factor = tl.load(scale + own, mask=known, other=0)[None, :]
    shift = tl.load(bias + channel, mask=known, other=0)[None, :]
    next_factor = tl.load(style + own, mask=known, other=0)[None, :]
    if VIA_SCALE:
        via_scale = tl.load(of_scale + own, mask=known, other=0)[None, :]
    if VIA_BIAS:
        via_bias = tl.load(of_bias + own, mask=known, other=0)[None, :]
    if VIA_STYLE:
        via_style = tl.load(of_style + own, mask=known, other=0)[None, :]
    for step in range(STEPS):
        pixel = (block * STEPS + step) * P + tl.arange(0, P)
        inside = (pixel < pixels)[:, None] & known[None, :]
        at = (n * pixels + pixel.to(tl.int64))[:, None] * channels + channel[None, :]
        x = _wide(tl.load(values + at, mask=inside, other=0))
        z = x * factor + shift
        if NOISY:
            z += tl.load(noise + n * noise_step + pixel, mask=pixel < pixels, other=0)[:, None]
        y = _activated(z, SLOPE, CLAMP)
        h = tl.zeros([P, C], dtype=dtype)
        if KEPT:
            h += _wide(tl.load(grad + at, mask=inside, other=0))
        if NEXT:
            g = _wide(tl.load(grad_scaled + at, mask=inside, other=0))
            h += g * next_factor
        q, moved = tl.zeros([P, C], dtype=dtype), tl.zeros([P, C], dtype=dtype)
        if VIA_VALUES:
            v = _wide(tl.load(of_values + at, mask=inside, other=0))
            q += v * factor
            to_scale += tl.sum(v * _sloped(h, y, SLOPE, CLAMP), axis=0)
        if VIA_SCALE:
            q += via_scale * x
            moved += via_scale * _sloped(h, y, SLOPE, CLAMP)
        if VIA_BIAS:
            q += via_bias
        if VIA_NOISE:
            q += tl.load(of_noise + n * pixels + pixel, mask=pixel < pixels, other=0)[:, None]
        q = _sloped(q, y, SLOPE, CLAMP)
        if VIA_STYLE:  # the activation itself is a factor there
            r = _sloped(via_style * g, y, SLOPE, CLAMP)
            to_scale += tl.sum(r * x, axis=0)
            to_bias += tl.sum(r, axis=0)
            moved += r * factor
            if TO_NOISE:
                here = noise_sums + (group.to(tl.int64) * batch + n) * pixels + pixel
                tl.store(here, tl.sum(r, axis=1), mask=pixel < pixels)
        if KEPT:
            tl.store(grad_grad + at, q.to(grad_grad.dtype.element_ty), mask=inside)
        if NEXT:
            to_style += tl.sum(q * g, axis=0)
            there = q * next_factor
            if VIA_STYLE:
                there += via_style * y
            tl.store(grad_grad_scaled + at, there.to(grad_grad_scaled.dtype.element_ty), mask=inside)
        if VIA_SCALE or VIA_STYLE:
            tl.store(grad_values + at, moved.to(grad_values.dtype.element_ty), mask=inside)
    sums_at = (n * tl.num_programs(0) + block) * channels + channel
    tl.store(scale_sums + sums_at, to_scale, mask=known)
    tl.store(bias_sums + sums_at, to_bias, mask=known)
    tl.store(style_sums + sums_at, to_style, mask=known)
