// Vectors as wide as the processor's registers, and how many of them hold the sums of a product of matrices.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

#ifdef __AVX512F__
constexpr int64_t VECTOR_BYTES = 64, MOST_VECTORS = 4, SUMS = 24;
#define KEEP_IN_REGISTER(vector) asm("" : "+v"(vector))  // else compilers load it again for each product
#elif defined(__AVX2__)
constexpr int64_t VECTOR_BYTES = 32, MOST_VECTORS = 2, SUMS = 12;
#define KEEP_IN_REGISTER(vector) asm("" : "+x"(vector))
#else  // a wider one than the registers is compared number by number
constexpr int64_t VECTOR_BYTES = 16, MOST_VECTORS = 2, SUMS = 12;
#define KEEP_IN_REGISTER(vector)
#endif

template <typename T>
struct Wide {
    static constexpr int64_t LANES = VECTOR_BYTES / sizeof(T);
    typedef T Vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
};

template <typename T>
inline typename Wide<T>::Vector load(const T* from) {
    return *reinterpret_cast<const typename Wide<T>::Vector*>(from);
}

template <typename T>
inline void store(T* to, typename Wide<T>::Vector value) {
    *reinterpret_cast<typename Wide<T>::Vector*>(to) = value;
}

// Room for `size` numbers at an address that no vector's load or store splits between two cache lines.
template <typename T>
class Buffer {
    static constexpr std::align_val_t LINE{64};
    struct Free {
        void operator()(T* numbers) const { ::operator delete(numbers, LINE); }
    };
    std::unique_ptr<T, Free> numbers;

public:
    explicit Buffer(int64_t size) : numbers(static_cast<T*>(::operator new(size * sizeof(T), LINE))) {}
    operator T*() const { return numbers.get(); }
};
