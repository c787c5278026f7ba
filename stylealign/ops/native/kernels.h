// What the native operations export: a plain C interface, called through ctypes. The kernels for GPUs (gpu.py) take the
// same sizes.
//
// Every function exists for float and double. Sizes and strides are elements.
// Images lie as [planes][height][width][inner]: channels-last has planes = N and inner = C, contiguous NCHW has
// planes = N C and inner = 1.
#pragma once

#include <cstdint>

// The four taps of StyleGAN2's low-pass filter on one axis, normalised to sum 1.
#define LOW_PASS_TAPS {0.125, 0.375, 0.375, 0.125}

struct Resampling {
    int64_t planes, height, width, inner;  // input
    int64_t out_height, out_width;
    int64_t up, down;  // zeros are inserted behind each pixel; every down-th pixel is kept
    int64_t left, top;  // zeros before the first pixel after up-sampling; negative crops
    double gain;
};

// z = values * scale[n, c] + bias[c] + noise[n, hw]; out = clamp(z < 0 ? slope z : z). Each factor may be null.
struct Epilogue {
    int64_t batch, pixels, channels;
    int64_t noise_step;  // elements from one sample's noise to the next: pixels, or 0 for one map for all
    double slope;  // 1 for no activation
    double clamp;  // infinity for none
};

// Per-sample matrices weight [batch][few][many] between few channels (colours) and many.
constexpr int64_t FEW = 4;

struct Mixing {
    int64_t batch, pixels, few, many;
};

// CPU only. Channels-last images; `large_channels` fill vectors of 64 bytes without a rest, and nothing is empty.
struct WeightGradient {
    int64_t batch, small_height, small_width, large_height, large_width;
    int64_t small_channels, large_channels;
    int64_t kernel, stride, padding;
};

// CPU only. Channels-last images; inputs and outputs fill vectors of 64 bytes without a rest, and nothing is empty. The
// steps lead from one weight to the next on each axis, from `origin` on: one form for a kernel, and for its mirror image
// with inputs and outputs exchanged.
struct Winograd {
    int64_t batch, height, width, inputs;
    int64_t out_height, out_width, outputs;
    int64_t padding;
    int64_t output_step, input_step, y_step, x_step, origin;
};
