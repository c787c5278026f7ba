// The native operations on the CPU: OpenMP over rows, loops over the innermost axis that compilers vectorise.
//
// Results do not depend on the number of threads: every sum is taken over blocks of fixed size in a fixed order.

#include "kernels.h"
#include "vectors.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
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

// Call `run` with the number of inner elements as a compile-time constant where it is a frequent one, else 0.
template <typename Run>
inline void with_inner(int64_t inner, Run&& run) {
    switch (inner) {
        case 1: return run(std::integral_constant<int64_t, 1>());
        case 3: return run(std::integral_constant<int64_t, 3>());
        case 16: return run(std::integral_constant<int64_t, 16>());
        case 32: return run(std::integral_constant<int64_t, 32>());
        default: return run(std::integral_constant<int64_t, 0>());
    }
}

// target[i] = sum over count rows of weights_k * rows_k[i]
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

// The sum over rows of an image that makes one row of the result, before the sum over columns.
template <typename T>
inline void filter_rows(T* target, const T* image, int64_t row, const Taps& taps, T gain) {
    const T* rows[4] = {image, image, image, image};
    T weights[4] = {0, 0, 0, 0};
    for (int k = 0; k < taps.count; ++k) {
        rows[k] = image + taps.source[k] * row;
        weights[k] = T(taps.weight[k]) * gain;
    }
    weighted_sum(target, rows, weights, taps.count, row);
}

// The sum over columns. `row` has zeros on both sides, as far as any tap reaches.
template <typename T, int64_t INNER>
inline void filter_columns(T* __restrict out, const T* __restrict row, const Resampling& r) {
    constexpr double filter[4] = LOW_PASS_TAPS;
    const int64_t inner = INNER ? INNER : r.inner;
    if (r.up == 1) {
        const T p = T(filter[0]), q = T(filter[1]);
        const int64_t run = r.down == 1 ? r.out_width * inner : inner, runs = r.down == 1 ? 1 : r.out_width;
        for (int64_t x = 0; x < runs; ++x) {
            const T* from = row + (x * r.down - r.left) * inner;
            T* to = out + x * inner;
            const int64_t size = INNER && r.down != 1 ? INNER : run;
#pragma omp simd
            for (int64_t i = 0; i < size; ++i)
                to[i] = p * (from[i] + from[i + 3 * inner]) + q * (from[i + inner] + from[i + 2 * inner]);
        }
        return;
    }
    if (r.up == 2 && r.down == 1) {
        for (int64_t x = 0; x < r.out_width; ++x) {
            const int64_t wide = x - r.left, odd = wide & 1;
            const T* from = row + (wide + odd) / 2 * inner;
            const T p = T(filter[odd]), q = T(filter[odd + 2]);
            T* to = out + x * inner;
#pragma omp simd
            for (int64_t i = 0; i < inner; ++i) to[i] = p * from[i] + q * from[i + inner];
        }
        return;
    }
    for (int64_t x = 0; x < r.out_width; ++x) {
        const int64_t wide = x * r.down - r.left, source = floor_div(wide + r.up - 1, r.up);
        T* to = out + x * inner;
        bool any = false;
        for (int64_t k = source * r.up - wide; k < 4; k += r.up) {
            const T* from = row + floor_div(wide + k, r.up) * inner;
            const T weight = T(filter[k]);
            if (any) {
#pragma omp simd
                for (int64_t i = 0; i < inner; ++i) to[i] += weight * from[i];
            } else {
#pragma omp simd
                for (int64_t i = 0; i < inner; ++i) to[i] = weight * from[i];
            }
            any = true;
        }
        if (!any) std::fill(to, to + inner, T(0));
    }
}

template <typename T>
void resample(const T* in, T* out, const Resampling& r, int threads) {
    const int64_t row = r.width * r.inner, out_row = r.out_width * r.inner;
    const int64_t before = std::max<int64_t>(0, r.left) * r.inner;
    const int64_t reach = floor_div((r.out_width - 1) * r.down - r.left + 3, r.up) + 1;  // columns up to the last tap
    const int64_t length = before + std::max(row, reach * r.inner);
#pragma omp parallel num_threads(threads)
    {
        std::vector<T> padded(length, T(0));
        T* filtered = padded.data() + before;
#pragma omp for schedule(static) collapse(2)
        for (int64_t plane = 0; plane < r.planes; ++plane) {
            for (int64_t y = 0; y < r.out_height; ++y) {
                const Taps taps = taps_for(y, r.height, r.up, r.down, r.top);
                filter_rows(filtered, in + plane * r.height * row, row, taps, T(r.gain));
                T* target = out + (plane * r.out_height + y) * out_row;
                with_inner(r.inner, [&](auto inner) { filter_columns<T, inner>(target, filtered, r); });
            }
        }
    }
}

// V is a vector, or one number for the channels that are left over; both have the same operators.
template <typename V, typename T>
inline V load(const T* from) {
    return *reinterpret_cast<const V*>(from);
}

template <typename V, typename T>
inline void store(T* to, V value) {
    *reinterpret_cast<V*>(to) = value;
}

template <typename T, typename V>
inline T total(V value) {
    if constexpr (std::is_same_v<T, V>) {
        return value;
    } else {
        T sum = 0;
        for (int64_t i = 0; i < Wide<T>::LANES; ++i) sum += value[i];
        return sum;
    }
}

template <typename V, typename T>
inline V activated(V z, T slope, T clamp) {
    const V zero = {}, value = z < zero ? z * slope : z, top = zero + clamp;
    const V cut = value > top ? top : value;
    return cut < -top ? -top : cut;
}

// The derivative of the activation where its result is `out`; like PyTorch's, the slope at 0.
template <typename V, typename T>
inline V slope_at(V out, T slope, T clamp) {
    const V zero = {}, leak = out > zero ? zero + T(1) : zero + slope, size = out < zero ? -out : out;
    return size < zero + clamp ? leak : zero;
}

// Run `body(block index, sample, first pixel, pixels, channel, type of the lanes)` over everything; the blocks of one
// sample and one range of pixels are one after another, on the same thread.
template <typename T, typename Body>
void for_blocks(int64_t batch, int64_t all_pixels, int64_t channels, int threads, Body&& body) {
    constexpr int64_t LANES = Wide<T>::LANES;
    const int64_t blocks = (all_pixels + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static) collapse(2) num_threads(threads)
    for (int64_t n = 0; n < batch; ++n) {
        for (int64_t b = 0; b < blocks; ++b) {
            const int64_t first = b * BLOCK, pixels = std::min(BLOCK, all_pixels - first);
            int64_t c = 0;
            for (; c + LANES <= channels; c += LANES)
                body(n * blocks + b, n, first, pixels, c, typename Wide<T>::Vector());
            for (; c < channels; ++c) body(n * blocks + b, n, first, pixels, c, T());
        }
    }
}

// Room for sums of every block of pixels.
template <typename T>
std::vector<T> room_for_sums(bool wanted, int64_t batch, int64_t pixels, int64_t size) {
    return std::vector<T>(wanted ? batch * ((pixels + BLOCK - 1) / BLOCK) * size : 0);
}

// Sums per block -> per sample: the blocks in order, in double.
template <typename T>
void sum_blocks(const std::vector<T>& partial, T* total, int64_t batch, int64_t pixels, int64_t size) {
    const int64_t blocks = (pixels + BLOCK - 1) / BLOCK;
    std::vector<double> sums(size);
    for (int64_t n = 0; n < batch; ++n) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int64_t b = 0; b < blocks; ++b)
            for (int64_t i = 0; i < size; ++i) sums[i] += partial[(n * blocks + b) * size + i];
        for (int64_t i = 0; i < size; ++i) total[n * size + i] = T(sums[i]);
    }
}

template <typename T>
void epilogue(const T* values, T* out, const T* scale, const T* bias, const T* noise, const Epilogue& e, int threads) {
    for_blocks<T>(e.batch, e.pixels, e.channels, threads, [&](int64_t, int64_t n, int64_t first, int64_t pixels, int64_t c, auto lanes) {
        using V = decltype(lanes);
        const V factor = scale ? load<V>(scale + n * e.channels + c) : V{} + T(1);
        const V offset = bias ? load<V>(bias + c) : V{};
        const T* extra = noise ? noise + n * e.noise_step + first : nullptr;
        for (int64_t p = 0; p < pixels; ++p) {
            const int64_t at = (n * e.pixels + first + p) * e.channels + c;
            V z = load<V>(values + at) * factor + offset;
            if (extra) z += extra[p];
            store(out + at, activated<V>(z, T(e.slope), T(e.clamp)));
        }
    });
}

template <typename T>
void epilogue_backward(
    const T* grad, const T* values, const T* out, const T* scale, T* grad_values, T* grad_scale, T* grad_bias,
    T* grad_noise, const Epilogue& e, int threads) {
    std::vector<T> scale_sums = room_for_sums<T>(grad_scale, e.batch, e.pixels, e.channels), bias_sums = room_for_sums<T>(grad_bias, e.batch, e.pixels, e.channels);
    for_blocks<T>(e.batch, e.pixels, e.channels, threads, [&](int64_t block, int64_t n, int64_t first, int64_t pixels, int64_t c, auto lanes) {
        using V = decltype(lanes);
        const V factor = scale ? load<V>(scale + n * e.channels + c) : V{} + T(1);
        V scale_sum = {}, bias_sum = {};
        for (int64_t p = 0; p < pixels; ++p) {
            const int64_t pixel = n * e.pixels + first + p, at = pixel * e.channels + c;
            V z = load<V>(grad + at);
            if (out) z *= slope_at<V>(load<V>(out + at), T(e.slope), T(e.clamp));
            if (grad_scale) scale_sum += z * load<V>(values + at);
            bias_sum += z;
            if (grad_noise) grad_noise[pixel] = total<T>(z) + (c ? grad_noise[pixel] : T(0));
            store<V>(grad_values + at, z * factor);
        }
        if (grad_scale) store(&scale_sums[block * e.channels + c], scale_sum);
        if (grad_bias) store(&bias_sums[block * e.channels + c], bias_sum);
    });
    if (grad_scale) sum_blocks(scale_sums, grad_scale, e.batch, e.pixels, e.channels);
    if (grad_bias) sum_blocks(bias_sums, grad_bias, e.batch, e.pixels, e.channels);
}

// The backward of epilogue_backward: from cotangents of its results (each may be null) to gradients of grad, values
// and scale.
template <typename T>
void epilogue_double_backward(
    const T* of_values, const T* of_scale, const T* of_bias, const T* of_noise, const T* grad, const T* values,
    const T* out, const T* scale, T* grad_grad, T* grad_values, T* grad_scale, const Epilogue& e, int threads) {
    std::vector<T> scale_sums = room_for_sums<T>(grad_scale, e.batch, e.pixels, e.channels);
    for_blocks<T>(e.batch, e.pixels, e.channels, threads, [&](int64_t block, int64_t n, int64_t first, int64_t pixels, int64_t c, auto lanes) {
        using V = decltype(lanes);
        const int64_t own = n * e.channels + c;
        const V factor = scale ? load<V>(scale + own) : V{} + T(1);
        const V via_scale = of_scale ? load<V>(of_scale + own) : V{}, via_bias = of_bias ? load<V>(of_bias + own) : V{};
        V sum = {};
        for (int64_t p = 0; p < pixels; ++p) {
            const int64_t pixel = n * e.pixels + first + p, at = pixel * e.channels + c;
            const V mask = out ? slope_at<V>(load<V>(out + at), T(e.slope), T(e.clamp)) : V{} + T(1);
            const V z = mask * load<V>(grad + at);
            V result = via_bias;
            if (of_noise) result += of_noise[pixel];
            if (of_values) {
                const V v = load<V>(of_values + at);
                result += factor * v;
                sum += v * z;
            }
            if (of_scale) result += via_scale * load<V>(values + at);
            if (grad_values) store<V>(grad_values + at, via_scale * z);
            store<V>(grad_grad + at, mask * result);
        }
        if (grad_scale) store(&scale_sums[block * e.channels + c], sum);
    });
    if (grad_scale) sum_blocks(scale_sums, grad_scale, e.batch, e.pixels, e.channels);
}

// out[n, p, o] = sum over i of in[n, p, i] * weight[n, o, i], with at most FEW outputs.
template <typename T>
void mix_to_few(const T* in, const T* weight, T* out, const Mixing& m, int threads) {
    for_blocks<T>(m.batch, m.pixels, m.many, threads, [&](int64_t, int64_t n, int64_t first, int64_t pixels, int64_t c, auto lanes) {
        using V = decltype(lanes);
        V own[FEW] = {};
        for (int64_t o = 0; o < m.few; ++o) own[o] = load<V>(weight + (n * m.few + o) * m.many + c);
        for (int64_t p = 0; p < pixels; ++p) {
            const int64_t pixel = n * m.pixels + first + p;
            const V value = load<V>(in + pixel * m.many + c);
            T* to = out + pixel * m.few;
            for (int64_t o = 0; o < m.few; ++o) to[o] = total<T>(value * own[o]) + (c ? to[o] : T(0));
        }
    });
}

// out[n, p, i] = sum over o of in[n, p, o] * weight[n, o, i], with at most FEW inputs.
template <typename T>
void mix_to_many(const T* in, const T* weight, T* out, const Mixing& m, int threads) {
    for_blocks<T>(m.batch, m.pixels, m.many, threads, [&](int64_t, int64_t n, int64_t first, int64_t pixels, int64_t c, auto lanes) {
        using V = decltype(lanes);
        V own[FEW] = {};
        for (int64_t o = 0; o < m.few; ++o) own[o] = load<V>(weight + (n * m.few + o) * m.many + c);
        for (int64_t p = 0; p < pixels; ++p) {
            const int64_t pixel = n * m.pixels + first + p;
            V sum = {};
            for (int64_t o = 0; o < m.few; ++o) sum += own[o] * in[pixel * m.few + o];
            store(out + pixel * m.many + c, sum);
        }
    });
}

// out[n, o, i] = sum over p of few[n, p, o] * many[n, p, i].
template <typename T>
void mix_outer(const T* few, const T* many, T* out, const Mixing& m, int threads) {
    std::vector<T> sums = room_for_sums<T>(true, m.batch, m.pixels, m.few * m.many);
    for_blocks<T>(m.batch, m.pixels, m.many, threads, [&](int64_t block, int64_t n, int64_t first, int64_t pixels, int64_t c, auto lanes) {
        using V = decltype(lanes);
        V own[FEW] = {};
        for (int64_t p = 0; p < pixels; ++p) {
            const int64_t pixel = n * m.pixels + first + p;
            const V value = load<V>(many + pixel * m.many + c);
            for (int64_t o = 0; o < m.few; ++o) own[o] += value * few[pixel * m.few + o];
        }
        for (int64_t o = 0; o < m.few; ++o) store(&sums[(block * m.few + o) * m.many + c], own[o]);
    });
    sum_blocks(sums, out, m.batch, m.pixels, m.few * m.many);
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
    }                                                                                                                  \
    extern "C" void mix_to_few_##NAME(const T* in, const T* weight, T* out, const Mixing* m, int threads) {            \
        mix_to_few(in, weight, out, *m, threads);                                                                      \
    }                                                                                                                  \
    extern "C" void mix_to_many_##NAME(const T* in, const T* weight, T* out, const Mixing* m, int threads) {           \
        mix_to_many(in, weight, out, *m, threads);                                                                     \
    }                                                                                                                  \
    extern "C" void mix_outer_##NAME(const T* few, const T* many, T* out, const Mixing* m, int threads) {              \
        mix_outer(few, many, out, *m, threads);                                                                        \
    }

EXPORT(float, float32)
EXPORT(double, float64)
