// Convolution with 3x3 kernels and stride 1 on the CPU, for channels-last images, with 4 / 9 of the multiplications:
// F(2x2, 3x3) of Lavin and Gray (2016, "Fast Algorithms for Convolutional Neural Networks", section 4.1).
//
// Each 2x2 patch of the result comes from a 4x4 patch of the input. Patches and kernels are transformed to 16 values
// each; for each of the 16 one product of matrices sums over the channels; the sums are transformed back.
//
// Results do not depend on the number of threads: each thread computes whole patches.

#include "kernels.h"
#include "vectors.h"

#include <algorithm>

namespace {

constexpr int64_t PATCHES = 48;  // transformed together; a multiple of the rows of every product
constexpr int64_t VALUES = 16;

constexpr int64_t product_rows(int64_t vectors) { return vectors == 1 ? SUMS / 2 : SUMS / vectors; }

// Numbers from one of the 16 values of a patch to the next. Not a multiple of a page, or all would share one cache set.
template <typename T>
int64_t value_step(int64_t channels) {
    return PATCHES * channels + 64 / int64_t(sizeof(T));
}

// Three numbers of a kernel, `step` apart, to four.
template <typename V>
inline void transform_axis(const V* from, V* to, int64_t step) {
    const V sum = from[0] + from[2 * step];
    to[0] = from[0];
    to[step] = (sum + from[step]) / 2;
    to[2 * step] = (sum - from[step]) / 2;
    to[3 * step] = from[2 * step];
}

// The kernels from output `panel` on, transformed, VECTORS vectors of outputs at a time: [value][panel][input][outputs].
template <typename T, int64_t VECTORS>
void transform_kernels(const T* weight, T* to, int64_t input, int64_t panel, const Winograd& g) {
    using V = typename Wide<T>::Vector;
    constexpr int64_t LANES = Wide<T>::LANES, width = VECTORS * LANES;
    for (; g.outputs - panel >= width; panel += width)
        for (int64_t first = 0; first < width; first += LANES) {
            V kernel[9], rows[12], all[VALUES];
            for (int64_t k = 0; k < 9; ++k)
                for (int64_t o = 0; o < LANES; ++o)
                    kernel[k][o] = weight[(panel + first + o) * g.output_step + input * g.input_step + k / 3 * g.y_step + k % 3 * g.x_step];
            for (int64_t x = 0; x < 3; ++x) transform_axis(kernel + x, rows + x, 3);
            for (int64_t y = 0; y < 4; ++y) transform_axis(rows + 3 * y, all + 4 * y, 1);
            for (int64_t value = 0; value < VALUES; ++value)
                store(to + (value * g.outputs + panel) * g.inputs + input * width + first, all[value]);
        }
    if constexpr (VECTORS > 1) transform_kernels<T, VECTORS / 2>(weight, to, input, panel, g);
}

// Transform the 4x4 patch whose first pixel is (y, x), which may lie outside: to [value][patch][input].
template <typename T>
void transform_patch(const T* image, T* to, int64_t y, int64_t x, const Winograd& g) {
    using V = typename Wide<T>::Vector;
    constexpr int64_t LANES = Wide<T>::LANES;
    const int64_t step = value_step<T>(g.inputs);
    const bool inside = y >= 0 && x >= 0 && y + 4 <= g.height && x + 4 <= g.width;
    for (int64_t c = 0; c < g.inputs; c += LANES) {
        V rows[4][4];
        for (int64_t j = 0; j < 4; ++j) {
            V d[4];
            for (int64_t i = 0; i < 4; ++i) {
                const int64_t v = y + i, u = x + j;
                const bool there = inside || (v >= 0 && u >= 0 && v < g.height && u < g.width);
                d[i] = there ? load(image + (v * g.width + u) * g.inputs + c) : V{};
            }
            rows[0][j] = d[0] - d[2];
            rows[1][j] = d[1] + d[2];
            rows[2][j] = d[2] - d[1];
            rows[3][j] = d[1] - d[3];
        }
        for (int64_t i = 0; i < 4; ++i) {
            const V* d = rows[i];
            T* target = to + 4 * i * step + c;
            store(target, d[0] - d[2]);
            store(target + step, d[1] + d[2]);
            store(target + 2 * step, d[2] - d[1]);
            store(target + 3 * step, d[1] - d[3]);
        }
    }
}

// Transform the sums [value][patch][output] of one patch to its 2x2 pixels from (y, x) on, as far as they exist.
template <typename T>
void transform_back(const T* from, const T* bias, T* image, int64_t y, int64_t x, const Winograd& g) {
    using V = typename Wide<T>::Vector;
    const int64_t step = value_step<T>(g.outputs);
    const bool right = x + 1 < g.out_width, below = y + 1 < g.out_height;
    for (int64_t c = 0; c < g.outputs; c += Wide<T>::LANES) {
        V rows[2][4];
        for (int64_t j = 0; j < 4; ++j) {
            V m[4];
            for (int64_t i = 0; i < 4; ++i) m[i] = load(from + (4 * i + j) * step + c);
            rows[0][j] = m[0] + m[1] + m[2];
            rows[1][j] = m[1] - m[2] - m[3];
        }
        const V offset = bias ? load(bias + c) : V{};
        T* to = image + (y * g.out_width + x) * g.outputs + c;
        for (int64_t i = 0; i < 1 + below; ++i, to += g.out_width * g.outputs) {
            store(to, rows[i][0] + rows[i][1] + rows[i][2] + offset);
            if (right) store(to + g.outputs, rows[i][1] - rows[i][2] - rows[i][3] + offset);
        }
    }
}

// ROWS patches by VECTORS vectors of outputs: sums over the inputs.
template <typename T, int64_t ROWS, int64_t VECTORS>
void multiply(const T* patches, const T* panel, T* sums_to, const Winograd& g) {
    using V = typename Wide<T>::Vector;
    constexpr int64_t LANES = Wide<T>::LANES;
    V sums[ROWS][VECTORS] = {};
    for (int64_t i = 0; i < g.inputs; ++i, panel += VECTORS * LANES) {
        V row[VECTORS];
        for (int64_t j = 0; j < VECTORS; ++j) {
            row[j] = load(panel + j * LANES);
            KEEP_IN_REGISTER(row[j]);
        }
        for (int64_t r = 0; r < ROWS; ++r)
            for (int64_t j = 0; j < VECTORS; ++j) sums[r][j] += row[j] * patches[r * g.inputs + i];
    }
    for (int64_t r = 0; r < ROWS; ++r)
        for (int64_t j = 0; j < VECTORS; ++j) store(sums_to + r * g.outputs + j * LANES, sums[r][j]);
}

// All products of a block of patches with the panels of one of the 16 values, the widest panels first.
template <typename T, int64_t VECTORS>
void multiply_panels(const T* patches, const T* kernels, T* sums, int64_t count, int64_t panel, const Winograd& g) {
    constexpr int64_t width = VECTORS * Wide<T>::LANES, rows = product_rows(VECTORS);
    for (; g.outputs - panel >= width; panel += width)
        for (int64_t p = 0; p < count; p += rows)
            multiply<T, rows, VECTORS>(patches + p * g.inputs, kernels + panel * g.inputs, sums + p * g.outputs + panel, g);
    if constexpr (VECTORS > 1) multiply_panels<T, VECTORS / 2>(patches, kernels, sums, count, panel, g);
}

template <typename T>
void winograd(const T* in, const T* weight, const T* bias, T* out, const Winograd& g, int threads) {
    const Buffer<T> kernels(VALUES * g.inputs * g.outputs);
    const int64_t down = (g.out_height + 1) / 2, across = (g.out_width + 1) / 2, all = g.batch * down * across;
    const int64_t blocks = (all + PATCHES - 1) / PATCHES;
#pragma omp parallel num_threads(threads)
    {
        const int64_t step = value_step<T>(g.inputs), sums_step = value_step<T>(g.outputs);
        const Buffer<T> patches(VALUES * step), sums(VALUES * sums_step);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < g.inputs; ++i) transform_kernels<T, MOST_VECTORS>(weight + g.origin, kernels, i, 0, g);
#pragma omp for schedule(static)
        for (int64_t block = 0; block < blocks; ++block) {
            const int64_t first = block * PATCHES, count = std::min(PATCHES, all - first);
            const auto place = [&](int64_t p, auto&& use) {
                const int64_t sample = (first + p) / (down * across), rest = (first + p) % (down * across);
                use(sample, rest / across * 2, rest % across * 2);
            };
            for (int64_t p = 0; p < count; ++p)
                place(p, [&](int64_t sample, int64_t y, int64_t x) {
                    const T* image = in + sample * g.height * g.width * g.inputs;
                    transform_patch(image, patches + p * g.inputs, y - g.padding, x - g.padding, g);
                });
            for (int64_t value = 0; value < VALUES; ++value)
                multiply_panels<T, MOST_VECTORS>(
                    patches + value * step, kernels + value * g.inputs * g.outputs, sums + value * sums_step, count, 0, g);
            for (int64_t p = 0; p < count; ++p)
                place(p, [&](int64_t sample, int64_t y, int64_t x) {
                    T* image = out + sample * g.out_height * g.out_width * g.outputs;
                    transform_back(sums + p * g.outputs, bias, image, y, x, g);
                });
        }
    }
}

}  // namespace

#define EXPORT(T, NAME)                                                                                                \
    extern "C" void winograd_##NAME(                                                                                   \
        const T* in, const T* weight, const T* bias, T* out, const Winograd* g, int threads) {                         \
        winograd(in, weight, bias, out, *g, threads);                                                                  \
    }

EXPORT(float, float32)
EXPORT(double, float64)
