// The native operations on the CPU: OpenMP over rows, loops over the innermost axis that compilers vectorise.
//
// Results do not depend on the number of threads: every sum is taken over blocks of fixed size in a fixed order.

#include "kernels.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

constexpr int64_t BLOCK = 128;  // pixels whose sums are taken together

// Floor division for a positive divisor.
inline int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

struct Taps {
    int64_t source[4];  // positions in the input
    double weight[4];
    int count = 0;
};

// Which input positions reach output position `out` on one axis, and with what weight.
inline Taps taps_for(int64_t out, int64_t size, int64_t up, int64_t down, int64_t before) {
    constexpr double filter[4] = LOW_PASS_TAPS;
    Taps taps;
    for (int64_t k = 0; k < 4; ++k) {
        const int64_t wide = out * down + k - before;
        const int64_t source = floor_div(wide, up);
        if (source * up != wide || source < 0 || source >= size) continue;
        taps.source[taps.count] = source;
        taps.weight[taps.count++] = filter[k];
    }
    return taps;
}

// target[i] = sum of weight_k * rows_k[i]
template <typename T>
inline void weighted_sum(T* __restrict target, const T* const* rows, const T* weights, int count, int64_t size) {
    const T *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
    const T p = weights[0], q = weights[1], r = weights[2], s = weights[3];
    switch (count) {
        case 0:
            std::fill(target, target + size, T(0));
            break;
        case 1:
#pragma omp simd
            for (int64_t i = 0; i < size; ++i) target[i] = p * a[i];
            break;
        case 2:
#pragma omp simd
            for (int64_t i = 0; i < size; ++i) target[i] = p * a[i] + q * b[i];
            break;
        case 3:
#pragma omp simd
            for (int64_t i = 0; i < size; ++i) target[i] = p * a[i] + q * b[i] + r * c[i];
            break;
        default:
#pragma omp simd
            for (int64_t i = 0; i < size; ++i) target[i] = (p * a[i] + s * d[i]) + (q * b[i] + r * c[i]);
    }
}

template <typename T>
void weighted_sum(T* target, const T* base, int64_t stride, const Taps& taps, T gain, int64_t size) {
    const T* rows[4] = {base, base, base, base};
    T weights[4] = {0, 0, 0, 0};
    for (int k = 0; k < taps.count; ++k) {
        rows[k] = base + taps.source[k] * stride;
        weights[k] = T(taps.weight[k]) * gain;
    }
    weighted_sum(target, rows, weights, taps.count, size);
}

template <typename T>
void resample(const T* in, T* out, const Resampling& r, int threads) {
    const int64_t row = r.width * r.inner, out_row = r.out_width * r.inner;
    std::vector<Taps> across(r.out_width);
    for (int64_t x = 0; x < r.out_width; ++x) across[x] = taps_for(x, r.width, r.up, r.down, r.left);
    // Without up- and down-sampling, the columns that all four taps reach are one long loop.
    int64_t first = r.out_width, last = r.out_width;
    if (r.up == 1 && r.down == 1) {
        first = std::min(std::max<int64_t>(r.left, 0), r.out_width);
        last = std::max(std::min(r.width - 3 + r.left, r.out_width), first);
    }
#pragma omp parallel num_threads(threads)
    {
        std::vector<T> filtered(row);
#pragma omp for schedule(static) collapse(2)
        for (int64_t plane = 0; plane < r.planes; ++plane) {
            for (int64_t y = 0; y < r.out_height; ++y) {
                const T* image = in + plane * r.height * row;
                T* target = out + (plane * r.out_height + y) * out_row;
                const Taps down = taps_for(y, r.height, r.up, r.down, r.top);
                weighted_sum(filtered.data(), image, row, down, T(r.gain), row);
                for (int64_t x = 0; x < r.out_width; ++x) {
                    const bool inside = x == first && last > first;
                    const int64_t count = inside ? last - first : 1;
                    weighted_sum(target + x * r.inner, filtered.data(), r.inner, across[x], T(1), count * r.inner);
                    x += count - 1;
                }
            }
        }
    }
}

template <typename T>
inline T activated(T z, T slope, T clamp) {
    const T value = z < T(0) ? z * slope : z;
    return std::min(std::max(value, -clamp), clamp);
}

// The derivative of the activation where its result is `out`; like PyTorch's, the slope at 0.
template <typename T>
inline T slope_at(T out, T slope, T clamp) {
    const T leak = out > T(0) ? T(1) : slope;
    return std::abs(out) < clamp ? leak : T(0);
}

template <typename T>
void epilogue(const T* values, T* out, const T* scale, const T* bias, const T* noise, const Epilogue& e, int threads) {
    const int64_t C = e.channels;
    const T slope = T(e.slope), clamp = T(e.clamp);
    const std::vector<T> ones(scale ? 0 : C, T(1)), zeros(bias ? 0 : C, T(0));
#pragma omp parallel for schedule(static) collapse(2) num_threads(threads)
    for (int64_t n = 0; n < e.batch; ++n) {
        for (int64_t start = 0; start < e.pixels; start += BLOCK) {
            const T* factor = scale ? scale + n * C : ones.data();
            const T* offset = bias ? bias : zeros.data();
            for (int64_t p = start; p < std::min(start + BLOCK, e.pixels); ++p) {
                const T* source = values + (n * e.pixels + p) * C;
                T* target = out + (n * e.pixels + p) * C;
                const T extra = noise ? noise[n * e.noise_step + p] : T(0);
#pragma omp simd
                for (int64_t c = 0; c < C; ++c)
                    target[c] = activated(source[c] * factor[c] + (offset[c] + extra), slope, clamp);
            }
        }
    }
}

// Sums over pixels: blocks of pixels in T, their sum in double.
template <typename T>
void sum_blocks(const std::vector<T>& partial, T* total, int64_t batch, int64_t blocks, int64_t channels) {
    std::vector<double> sums(channels);
    for (int64_t n = 0; n < batch; ++n) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int64_t b = 0; b < blocks; ++b)
            for (int64_t c = 0; c < channels; ++c) sums[c] += partial[(n * blocks + b) * channels + c];
        for (int64_t c = 0; c < channels; ++c) total[n * channels + c] = T(sums[c]);
    }
}

template <typename T>
void epilogue_backward(
    const T* grad, const T* values, const T* out, const T* scale, T* grad_values, T* grad_scale, T* grad_bias,
    T* grad_noise, const Epilogue& e, int threads) {
    const int64_t C = e.channels, blocks = (e.pixels + BLOCK - 1) / BLOCK;
    const T slope = T(e.slope), clamp = T(e.clamp);
    const std::vector<T> ones(scale ? 0 : C, T(1));
    std::vector<T> scale_sums(grad_scale ? e.batch * blocks * C : 0), bias_sums(grad_bias ? e.batch * blocks * C : 0);
#pragma omp parallel for schedule(static) collapse(2) num_threads(threads)
    for (int64_t n = 0; n < e.batch; ++n) {
        for (int64_t b = 0; b < blocks; ++b) {
            const T* factor = scale ? scale + n * C : ones.data();
            T* of_scale = grad_scale ? &scale_sums[(n * blocks + b) * C] : nullptr;
            T* of_bias = grad_bias ? &bias_sums[(n * blocks + b) * C] : nullptr;
            for (int64_t p = b * BLOCK; p < std::min((b + 1) * BLOCK, e.pixels); ++p) {
                const int64_t at = (n * e.pixels + p) * C;
                const T *g = grad + at, *o = out ? out + at : nullptr;
                T* target = grad_values + at;
                if (o) {
#pragma omp simd
                    for (int64_t c = 0; c < C; ++c) target[c] = g[c] * slope_at(o[c], slope, clamp);
                    g = target;  // from here on the gradient before the activation
                }
                if (of_scale) {
                    const T* y = values + at;
#pragma omp simd
                    for (int64_t c = 0; c < C; ++c) of_scale[c] += g[c] * y[c];
                }
                if (of_bias) {
#pragma omp simd
                    for (int64_t c = 0; c < C; ++c) of_bias[c] += g[c];
                }
                if (grad_noise) {
                    T sum = 0;
#pragma omp simd reduction(+ : sum)
                    for (int64_t c = 0; c < C; ++c) sum += g[c];
                    grad_noise[n * e.pixels + p] = sum;
                }
#pragma omp simd
                for (int64_t c = 0; c < C; ++c) target[c] = g[c] * factor[c];
            }
        }
    }
    if (grad_scale) sum_blocks(scale_sums, grad_scale, e.batch, blocks, C);
    if (grad_bias) sum_blocks(bias_sums, grad_bias, e.batch, blocks, C);
}

// The backward of epilogue_backward: cotangents of its results (each may be null) to gradients of grad, values and
// scale.
template <typename T>
void epilogue_double_backward(
    const T* of_values, const T* of_scale, const T* of_bias, const T* of_noise, const T* grad, const T* values,
    const T* out, const T* scale, T* grad_grad, T* grad_values, T* grad_scale, const Epilogue& e, int threads) {
    const int64_t C = e.channels, blocks = (e.pixels + BLOCK - 1) / BLOCK;
    const T slope = T(e.slope), clamp = T(e.clamp);
    const std::vector<T> ones(scale ? 0 : C, T(1)), zeros(C, T(0));
    std::vector<T> scale_sums(grad_scale ? e.batch * blocks * C : 0);
#pragma omp parallel num_threads(threads)
    {
        std::vector<T> masks(C, T(1));
        T* mask = masks.data();
#pragma omp for schedule(static) collapse(2)
        for (int64_t n = 0; n < e.batch; ++n) {
            for (int64_t b = 0; b < blocks; ++b) {
                const T* factor = scale ? scale + n * C : ones.data();
                const T* via_scale = of_scale ? of_scale + n * C : zeros.data();
                const T* via_bias = of_bias ? of_bias + n * C : zeros.data();
                T* sums = grad_scale ? &scale_sums[(n * blocks + b) * C] : nullptr;
                for (int64_t p = b * BLOCK; p < std::min((b + 1) * BLOCK, e.pixels); ++p) {
                    const int64_t at = (n * e.pixels + p) * C;
                    const T extra = of_noise ? of_noise[n * e.pixels + p] : T(0);
                    if (out) {
                        const T* o = out + at;
#pragma omp simd
                        for (int64_t c = 0; c < C; ++c) mask[c] = slope_at(o[c], slope, clamp);
                    }
                    T* target = grad_grad + at;
#pragma omp simd
                    for (int64_t c = 0; c < C; ++c) target[c] = mask[c] * (via_bias[c] + extra);
                    if (of_values) {
                        const T *v = of_values + at, *g = grad + at;
#pragma omp simd
                        for (int64_t c = 0; c < C; ++c) target[c] += mask[c] * factor[c] * v[c];
                        if (sums) {
#pragma omp simd
                            for (int64_t c = 0; c < C; ++c) sums[c] += v[c] * g[c] * mask[c];
                        }
                    }
                    if (of_scale) {
                        const T *y = values + at, *g = grad + at;
#pragma omp simd
                        for (int64_t c = 0; c < C; ++c) target[c] += mask[c] * via_scale[c] * y[c];
                        if (grad_values) {
                            T* to = grad_values + at;
#pragma omp simd
                            for (int64_t c = 0; c < C; ++c) to[c] = mask[c] * via_scale[c] * g[c];
                        }
                    }
                }
            }
        }
    }
    if (grad_scale) sum_blocks(scale_sums, grad_scale, e.batch, blocks, C);
}

}  // namespace

#define EXPORT(T, NAME)                                                                                                \
    extern "C" void resample_##NAME(const T* in, T* out, const Resampling* r, int threads) {                           \
        resample(in, out, *r, threads);                                                                                \
    }                                                                                                                  \
    extern "C" void epilogue_##NAME(                                                                                   \
        const T* values, T* out, const T* scale, const T* bias, const T* noise, const Epilogue* e, int threads) {      \
        epilogue(values, out, scale, bias, noise, *e, threads);                                                        \
    }                                                                                                                  \
    extern "C" void epilogue_backward_##NAME(                                                                          \
        const T* grad, const T* values, const T* out, const T* scale, T* grad_values, T* grad_scale, T* grad_bias,     \
        T* grad_noise, const Epilogue* e, int threads) {                                                               \
        epilogue_backward(grad, values, out, scale, grad_values, grad_scale, grad_bias, grad_noise, *e, threads);      \
    }                                                                                                                  \
    extern "C" void epilogue_double_backward_##NAME(                                                                   \
        const T* of_values, const T* of_scale, const T* of_bias, const T* of_noise, const T* grad, const T* values,    \
        const T* out, const T* scale, T* grad_grad, T* grad_values, T* grad_scale, const Epilogue* e, int threads) {   \
        epilogue_double_backward(                                                                                      \
            of_values, of_scale, of_bias, of_noise, grad, values, out, scale, grad_grad, grad_values, grad_scale, *e,  \
            threads);                                                                                                  \
    }

EXPORT(float, float32)
EXPORT(double, float64)
