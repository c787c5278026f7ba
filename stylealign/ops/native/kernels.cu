// The native operations on NVIDIA GPUs: the interface of kernels.cpp, with a CUDA stream in the place of threads.
//
// One thread per result element; neighbouring threads have neighbouring channels (channels-last) or columns, so that
// reads and writes coalesce. Sums over pixels: one block per sample and channel group, in a fixed order.

#include "kernels.h"

#include <cuda_fp16.h>
#include <cuda_runtime.h>

namespace {

constexpr int THREADS = 256;
constexpr int COLUMNS = 32;  // channels of a block that sums over pixels
constexpr int ROWS = 8;      // pixels it takes at a time

// Half precision is computed in float.
template <typename T> struct Wider { using type = T; };
template <> struct Wider<__half> { using type = float; };
template <typename T> using Wide = typename Wider<T>::type;

inline int64_t blocks_for(int64_t count) {
    const int64_t blocks = (count + THREADS - 1) / THREADS;
    return blocks < 65536 ? blocks : 65536;
}

__device__ inline int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

template <typename T>
__global__ void resample(const T* __restrict__ in, T* __restrict__ out, Resampling r, int64_t count) {
    constexpr double filter[4] = LOW_PASS_TAPS;
    const int64_t step = int64_t(gridDim.x) * blockDim.x;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
        const int64_t c = i % r.inner, x = i / r.inner % r.out_width, y = i / (r.inner * r.out_width) % r.out_height;
        const T* image = in + i / (r.inner * r.out_width * r.out_height) * (r.height * r.width * r.inner) + c;
        Wide<T> sum = 0;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int64_t wide_y = y * r.down + j - r.top, from_y = floor_div(wide_y, r.up);
            if (from_y * r.up != wide_y || from_y < 0 || from_y >= r.height) continue;
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                const int64_t wide_x = x * r.down + k - r.left, from_x = floor_div(wide_x, r.up);
                if (from_x * r.up != wide_x || from_x < 0 || from_x >= r.width) continue;
                const Wide<T> weight = Wide<T>(filter[j] * filter[k]);
                sum += weight * Wide<T>(image[(from_y * r.width + from_x) * r.inner]);
            }
        }
        out[i] = T(sum * Wide<T>(r.gain));
    }
}

template <typename W>
__device__ inline W activated(W z, W slope, W clamp) {
    const W value = z < W(0) ? z * slope : z, cut = value > clamp ? clamp : value;
    return cut < -clamp ? -clamp : cut;
}

template <typename W>
__device__ inline W slope_at(W out, W slope, W clamp) {
    const W size = out < W(0) ? -out : out;
    return size < clamp ? (out > W(0) ? W(1) : slope) : W(0);
}

template <typename T>
__global__ void epilogue(
    const T* __restrict__ values, T* __restrict__ out, const T* __restrict__ scale, const T* __restrict__ bias,
    const T* __restrict__ noise, Epilogue e, int64_t count) {
    const int64_t step = int64_t(gridDim.x) * blockDim.x;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
        const int64_t c = i % e.channels, pixel = i / e.channels, n = pixel / e.pixels;
        Wide<T> z = values[i];
        if (scale) z *= Wide<T>(scale[n * e.channels + c]);
        if (bias) z += Wide<T>(bias[c]);
        if (noise) z += Wide<T>(noise[n * e.noise_step + pixel % e.pixels]);
        out[i] = T(activated(z, Wide<T>(e.slope), Wide<T>(e.clamp)));
    }
}

// The sum of `value` over the rows of the block, valid in row 0.
template <typename W>
__device__ inline W column_sum(W value, W (*shared)[COLUMNS]) {
    shared[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    W sum = 0;
    if (threadIdx.y == 0)
        for (int row = 0; row < ROWS; ++row) sum += shared[row][threadIdx.x];
    __syncthreads();
    return sum;
}

// Block (channel group, sample): first derivatives, and their sums over the sample's pixels.
template <typename T>
__global__ void epilogue_backward(
    const T* grad, const T* values, const T* out, const T* scale, T* grad_values, T* grad_scale, T* grad_bias,
    Epilogue e) {
    using W = Wide<T>;
    __shared__ W shared[ROWS][COLUMNS];
    const int64_t c = int64_t(blockIdx.x) * COLUMNS + threadIdx.x, n = blockIdx.y, own = n * e.channels + c;
    const bool inside = c < e.channels;
    const W factor = scale && inside ? W(scale[own]) : W(1);
    W scale_sum = 0, bias_sum = 0;
    for (int64_t p = threadIdx.y; inside && p < e.pixels; p += ROWS) {
        const int64_t at = (n * e.pixels + p) * e.channels + c;
        W z = grad[at];
        if (out) z *= slope_at(W(out[at]), W(e.slope), W(e.clamp));
        if (grad_scale) scale_sum += z * W(values[at]);
        bias_sum += z;
        grad_values[at] = T(z * factor);
    }
    scale_sum = column_sum(scale_sum, shared);
    bias_sum = column_sum(bias_sum, shared);
    if (threadIdx.y || !inside) return;
    if (grad_scale) grad_scale[own] = T(scale_sum);
    if (grad_bias) grad_bias[own] = T(bias_sum);
}

// One thread per pixel: the derivative with respect to the noise.
template <typename T>
__global__ void noise_backward(const T* grad, const T* out, T* grad_noise, Epilogue e) {
    using W = Wide<T>;
    const int64_t step = int64_t(gridDim.x) * blockDim.x;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < e.batch * e.pixels; i += step) {
        W sum = 0;
        for (int64_t c = 0; c < e.channels; ++c) {
            const int64_t at = i * e.channels + c;
            const W slope = out ? slope_at(W(out[at]), W(e.slope), W(e.clamp)) : W(1);
            sum += slope * W(grad[at]);
        }
        grad_noise[i] = T(sum);
    }
}

template <typename T>
__global__ void epilogue_double_backward(
    const T* of_values, const T* of_scale, const T* of_bias, const T* of_noise, const T* grad, const T* values,
    const T* out, const T* scale, T* grad_grad, T* grad_values, T* grad_scale, Epilogue e) {
    using W = Wide<T>;
    __shared__ W shared[ROWS][COLUMNS];
    const int64_t c = int64_t(blockIdx.x) * COLUMNS + threadIdx.x, n = blockIdx.y, own = n * e.channels + c;
    const bool inside = c < e.channels;
    const W factor = scale && inside ? W(scale[own]) : W(1), via_scale = of_scale && inside ? W(of_scale[own]) : W(0);
    const W via_bias = of_bias && inside ? W(of_bias[own]) : W(0);
    W sum = 0;
    for (int64_t p = threadIdx.y; inside && p < e.pixels; p += ROWS) {
        const int64_t pixel = n * e.pixels + p, at = pixel * e.channels + c;
        const W mask = out ? slope_at(W(out[at]), W(e.slope), W(e.clamp)) : W(1), z = mask * W(grad[at]);
        W result = via_bias;
        if (of_noise) result += W(of_noise[pixel]);
        if (of_values) {
            result += factor * W(of_values[at]);
            sum += W(of_values[at]) * z;
        }
        if (of_scale) result += via_scale * W(values[at]);
        if (grad_values) grad_values[at] = T(via_scale * z);
        grad_grad[at] = T(mask * result);
    }
    sum = column_sum(sum, shared);
    if (grad_scale && inside && threadIdx.y == 0) grad_scale[own] = T(sum);
}

inline dim3 grid_for(const Epilogue& e) { return dim3((e.channels + COLUMNS - 1) / COLUMNS, e.batch); }

}  // namespace

#define EXPORT(T, NAME)                                                                                                \
    extern "C" int resample_##NAME(const T* in, T* out, const Resampling* r, cudaStream_t stream) {                    \
        const int64_t count = r->planes * r->out_height * r->out_width * r->inner;                                     \
        resample<T><<<blocks_for(count), THREADS, 0, stream>>>(in, out, *r, count);                                    \
        return cudaGetLastError();                                                                                     \
    }                                                                                                                  \
    extern "C" int epilogue_##NAME(                                                                                    \
        const T* values, T* out, const T* scale, const T* bias, const T* noise, const Epilogue* e,                     \
        cudaStream_t stream) {                                                                                         \
        const int64_t count = e->batch * e->pixels * e->channels;                                                      \
        epilogue<T><<<blocks_for(count), THREADS, 0, stream>>>(values, out, scale, bias, noise, *e, count);            \
        return cudaGetLastError();                                                                                     \
    }                                                                                                                  \
    extern "C" int epilogue_backward_##NAME(                                                                           \
        const T* grad, const T* values, const T* out, const T* scale, T* grad_values, T* grad_scale, T* grad_bias,     \
        T* grad_noise, const Epilogue* e, cudaStream_t stream) {                                                       \
        epilogue_backward<T><<<grid_for(*e), dim3(COLUMNS, ROWS), 0, stream>>>(                                        \
            grad, values, out, scale, grad_values, grad_scale, grad_bias, *e);                                         \
        if (grad_noise)                                                                                                \
            noise_backward<T><<<blocks_for(e->batch * e->pixels), THREADS, 0, stream>>>(grad, out, grad_noise, *e);    \
        return cudaGetLastError();                                                                                     \
    }                                                                                                                  \
    extern "C" int epilogue_double_backward_##NAME(                                                                    \
        const T* of_values, const T* of_scale, const T* of_bias, const T* of_noise, const T* grad, const T* values,    \
        const T* out, const T* scale, T* grad_grad, T* grad_values, T* grad_scale, const Epilogue* e,                  \
        cudaStream_t stream) {                                                                                         \
        epilogue_double_backward<T><<<grid_for(*e), dim3(COLUMNS, ROWS), 0, stream>>>(                                 \
            of_values, of_scale, of_bias, of_noise, grad, values, out, scale, grad_grad, grad_values, grad_scale, *e); \
        return cudaGetLastError();                                                                                     \
    }

EXPORT(float, float32)
EXPORT(double, float64)
EXPORT(__half, float16)
