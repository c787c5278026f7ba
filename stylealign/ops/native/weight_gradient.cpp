// The gradient of a convolution's weights on the CPU, for channels-last images:
//
//     weight[a, ky, kx, b] = sum over n, y, x of small[n, y, x, a] * large[n, y stride + ky - padding, x stride + kx - padding, b]
//
// `small` is the gradient of the result and `large` the input, or the other way round if the convolution is transposed.
// A tile of the result stays in registers while one block of rows passes by.
//
// Results do not depend on the number of threads: each thread owns tiles, and sums them over all pixels in order.

#include "kernels.h"
#include "vectors.h"

#include <omp.h>

#include <algorithm>
#include <vector>

namespace {

constexpr int64_t BLOCK_PIXELS = 1024;  // rows of about so many pixels are summed before a tile gives way to the next
constexpr int64_t TALLEST = 16;

// The largest number of rows of a tile that is `vectors` wide.
constexpr int64_t tallest(int64_t vectors) { return std::min(SUMS / vectors, TALLEST); }

// Which pixels a tile sums over.
struct Rows {
    int64_t first, end;  // of `small`, counted through the batch
    int64_t ky, kx;
    bool continued;  // the sums so far are in the result
};

// HEIGHT channels of `small` by VECTORS vectors of `large`; the pointers are at the tile's first channels.
template <typename T, int64_t HEIGHT, int64_t VECTORS>
void add_tile(const T* small, const T* large, T* weight, const WeightGradient& g, const Rows& rows) {
    using V = typename Wide<T>::Vector;
    constexpr int64_t LANES = Wide<T>::LANES;
    const int64_t step = g.kernel * g.kernel * g.large_channels;
    V sums[HEIGHT][VECTORS] = {};
    if (rows.continued)
        for (int64_t i = 0; i < HEIGHT; ++i)
            for (int64_t j = 0; j < VECTORS; ++j) sums[i][j] = load(weight + i * step + j * LANES);
    // The columns of `small` whose partner lies inside `large`.
    const int64_t left = g.padding - rows.kx;
    const int64_t begin = std::max<int64_t>(0, (left + g.stride - 1) / g.stride);
    const int64_t last = g.large_width - 1 + left, end = last < 0 ? 0 : std::min(g.small_width, last / g.stride + 1);
    for (int64_t row = rows.first; row < rows.end; ++row) {
        const int64_t sample = row / g.small_height, y = row % g.small_height;
        const int64_t source = y * g.stride + rows.ky - g.padding;
        if (source < 0 || source >= g.large_height) continue;
        const T* factor = small + (row * g.small_width + begin) * g.small_channels;
        const T* from =
            large + ((sample * g.large_height + source) * g.large_width + begin * g.stride - left) * g.large_channels;
        for (int64_t x = begin; x < end; ++x, factor += g.small_channels, from += g.stride * g.large_channels) {
            V values[VECTORS];
            for (int64_t j = 0; j < VECTORS; ++j) {
                values[j] = load(from + j * LANES);
                KEEP_IN_REGISTER(values[j]);
            }
            for (int64_t i = 0; i < HEIGHT; ++i)
                for (int64_t j = 0; j < VECTORS; ++j) sums[i][j] += values[j] * factor[i];
        }
    }
    for (int64_t i = 0; i < HEIGHT; ++i)
        for (int64_t j = 0; j < VECTORS; ++j) store(weight + i * step + j * LANES, sums[i][j]);
}

template <typename T>
using AddTile = void (*)(const T*, const T*, T*, const WeightGradient&, const Rows&);

template <typename T>
struct Tile {
    int64_t a, b;  // first channels
    AddTile<T> add;
};

// Tiles that cover `channels` of `small` for VECTORS vectors of `large` from channel b on: the tallest first.
template <typename T, int64_t VECTORS, int64_t HEIGHT>
void stack(std::vector<Tile<T>>& tiles, int64_t a, int64_t b, int64_t channels) {
    for (; channels - a >= HEIGHT; a += HEIGHT) tiles.push_back({a, b, add_tile<T, HEIGHT, VECTORS>});
    if constexpr (HEIGHT > 1) stack<T, VECTORS, (HEIGHT > 4 ? 4 : HEIGHT / 2)>(tiles, a, b, channels);
}

template <typename T, int64_t VECTORS>
void cover(std::vector<Tile<T>>& tiles, int64_t b, const WeightGradient& g) {
    constexpr int64_t width = VECTORS * Wide<T>::LANES;
    for (; g.large_channels - b >= width; b += width) stack<T, VECTORS, tallest(VECTORS)>(tiles, 0, b, g.small_channels);
    if constexpr (VECTORS > 1) cover<T, VECTORS / 2>(tiles, b, g);
}

template <typename T>
void weight_gradient(const T* small, const T* large, T* weight, const WeightGradient& g, int threads) {
    std::vector<Tile<T>> tiles;
    cover<T, MOST_VECTORS>(tiles, 0, g);
    const int64_t taps = g.kernel * g.kernel, count = int64_t(tiles.size()) * taps;
    const int64_t rows = g.batch * g.small_height, height = std::max<int64_t>(1, BLOCK_PIXELS / g.small_width);
#pragma omp parallel num_threads(threads)
    {
        const int64_t members = omp_get_num_threads(), member = omp_get_thread_num();
        const int64_t own = count * member / members, end = count * (member + 1) / members;
        for (int64_t first = 0; first < rows; first += height) {
            const int64_t last = std::min(first + height, rows);
            for (int64_t i = own; i < end; ++i) {
                const Tile<T>& tile = tiles[i % tiles.size()];
                const int64_t tap = i / tiles.size();
                T* to = weight + (tile.a * taps + tap) * g.large_channels + tile.b;
                tile.add(small + tile.a, large + tile.b, to, g, {first, last, tap / g.kernel, tap % g.kernel, first > 0});
            }
        }
    }
}

}  // namespace

#define EXPORT(T, NAME)                                                                                                \
    extern "C" void weight_gradient_##NAME(                                                                            \
        const T* small, const T* large, T* weight, const WeightGradient* g, int threads) {                             \
        weight_gradient(small, large, weight, *g, threads);                                                            \
    }

EXPORT(float, float32)
EXPORT(double, float64)
