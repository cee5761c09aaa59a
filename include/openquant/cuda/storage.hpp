// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstdint>

#include <openquant/core/float16.hpp>
#include <openquant/cuda/block.hpp>

/// Numbers as they lie in device memory: kernels compute in float, and store float or a half of it.
namespace openquant::cuda {

template <class T>
concept Storage = std::same_as<T, float> || std::same_as<T, float16> || std::same_as<T, bfloat16>;

/// Exact. A GPU has an instruction for what `to_float` spells out.
OPENQUANT_DEVICE inline float widened(float x) { return x; }
OPENQUANT_DEVICE inline float widened(float16 x) {
#if defined(__CUDACC__) && defined(__CUDA_ARCH__)
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
#else
  return to_float(x);
#endif
}
OPENQUANT_DEVICE inline float widened(bfloat16 x) { return to_float(x); }

/// Nearest, ties to even. Of a NaN only that it is one is the same everywhere.
template <Storage T>
OPENQUANT_DEVICE T narrowed(float x) {
  if constexpr (std::same_as<T, float>) {
    return x;
  } else if constexpr (std::same_as<T, bfloat16>) {
    return to_bfloat16(x);
  } else {
#if defined(__CUDACC__) && defined(__CUDA_ARCH__)
    float16 y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
#else
    return to_float16(x);
#endif
  }
}

/// So many bytes on their boundary, 4, 8 or 16, which a thread loads or stores at once.
template <class T, std::size_t bytes = 16>
struct alignas(bytes) packet {
  static constexpr index_t size = bytes / sizeof(T);
  T x[bytes / sizeof(T)];
};
template <class T, std::size_t bytes = 16>
OPENQUANT_DEVICE packet<T, bytes> load_packet(const T* p) {
  return *reinterpret_cast<const packet<T, bytes>*>(p);
}
template <class T, std::size_t bytes>
OPENQUANT_DEVICE void store_packet(const packet<T, bytes>& x, T* p) {
  *reinterpret_cast<packet<T, bytes>*>(p) = x;
}

/// True where packets may be loaded from every row of a view.
template <class View>
bool rows_are_aligned(const View& x) {
  constexpr auto size = static_cast<index_t>(sizeof(typename View::value_type));
  return reinterpret_cast<std::uintptr_t>(x.data()) % 16 == 0 &&
         (x.rows() <= 1 || x.stride() * size % 16 == 0);
}

}  // namespace openquant::cuda
