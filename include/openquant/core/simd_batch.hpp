// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <limits>
#include <xsimd/xsimd.hpp>

#include <openquant/core/lane.hpp>

/// SIMD registers as lane types: the vocabulary of `core/lane.hpp` as far as it is arithmetic,
/// comparison and conversion. xsimd is named here and in core/simd16.hpp alone, and only what its
/// versions 8.1 to 14 agree on; where 8.1 is slow (its fused multiply-add is not fused on AVX-512)
/// the register is used directly.
namespace openquant {

// A loop over an array of registers must be unrolled at every level of optimisation, or the array
// moves to memory. One of more than 16 turns says how many.
#if defined(__clang__) || defined(__CUDACC__)
#define OPENQUANT_UNROLL_REGISTERS _Pragma("unroll")
#define OPENQUANT_UNROLL_TURNS(n) _Pragma("unroll")
#elif defined(__GNUC__)
#define OPENQUANT_UNROLL_REGISTERS _Pragma("GCC unroll 16")
#define OPENQUANT_UNROLL_TURNS(n) OPENQUANT_PRAGMA(GCC unroll n)
#define OPENQUANT_PRAGMA(x) _Pragma(#x)
#else
#define OPENQUANT_UNROLL_REGISTERS
#define OPENQUANT_UNROLL_TURNS(n)
#endif
#if defined(__SANITIZE_ADDRESS__)  // with whose checks it would compile for many minutes
#undef OPENQUANT_UNROLL_TURNS
#define OPENQUANT_UNROLL_TURNS(n)
#endif

/// The widest instruction set of this translation unit. A function whose code depends on it takes
/// it as a template parameter, so that units built with other flags never share a symbol.
using default_arch = xsimd::default_arch;

/// The narrowest one, which every x86-64 or AArch64 machine runs.
#if defined(__SSE2__)
using baseline_arch = xsimd::sse2;
#else
using baseline_arch = xsimd::default_arch;
#endif

/// One truth value a lane.
template <class Arch>
struct batch_mask {
  xsimd::batch_bool<float, Arch> v;

  friend batch_mask operator&(batch_mask a, batch_mask b) { return {a.v && b.v}; }
  friend batch_mask operator|(batch_mask a, batch_mask b) { return {a.v || b.v}; }
  friend batch_mask operator!(batch_mask a) { return {!a.v}; }
  friend bool all_of(batch_mask a) { return xsimd::all(a.v); }
};

/// Lanes of 32-bit integers.
template <class Arch>
struct int_batch {
  using register_type = xsimd::batch<std::int32_t, Arch>;
  register_type v;

  int_batch() = default;
  int_batch(std::int32_t x) : v(x) {}
  int_batch(register_type x) : v(x) {}

  friend int_batch operator+(int_batch a, int_batch b) { return a.v + b.v; }
  friend int_batch operator-(int_batch a, int_batch b) { return a.v - b.v; }
  /// Modulo 2^32: of unsigned numbers, for which xsimd may fall back on the compiler's product.
  friend int_batch operator*(int_batch a, int_batch b) {
#if XSIMD_VERSION_MAJOR < 9
    using words = xsimd::batch<std::uint32_t, Arch>;
    return xsimd::bitwise_cast<register_type>(xsimd::bitwise_cast<words>(a.v) *
                                              xsimd::bitwise_cast<words>(b.v));
#else
    return xsimd::bitwise_cast<std::int32_t>(xsimd::bitwise_cast<std::uint32_t>(a.v) *
                                             xsimd::bitwise_cast<std::uint32_t>(b.v));
#endif
  }
  friend int_batch operator&(int_batch a, int_batch b) { return a.v & b.v; }
  friend int_batch operator|(int_batch a, int_batch b) { return a.v | b.v; }
  friend int_batch operator^(int_batch a, int_batch b) { return a.v ^ b.v; }
  friend int_batch operator<<(int_batch a, int n) { return a.v << n; }
  friend int_batch operator>>(int_batch a, int n) { return a.v >> n; }
  /// By the floats of these bits: xsimd 8.1's selection of integers needs optimisation to compile.
  friend int_batch select(batch_mask<Arch> m, int_batch a, int_batch b) {
    return float_bits(select(m, bit_float(a), bit_float(b)));
  }
  friend void store(int_batch x, std::int32_t* p) { x.v.store_unaligned(p); }
  static int_batch load(const std::int32_t* p) { return register_type::load_unaligned(p); }
};

/// Lanes of floats.
template <class Arch>
struct batch {
  using register_type = xsimd::batch<float, Arch>;
  register_type v;

  batch() = default;
  batch(float x) : v(x) {}
  batch(register_type x) : v(x) {}
  static batch load(const float* p) { return register_type::load_unaligned(p); }

  friend batch operator+(batch a, batch b) { return a.v + b.v; }
  friend batch operator-(batch a, batch b) { return a.v - b.v; }
  friend batch operator*(batch a, batch b) { return a.v * b.v; }
  friend batch operator/(batch a, batch b) { return a.v / b.v; }
  friend batch operator-(batch a) { return -a.v; }
  friend batch_mask<Arch> operator<(batch a, batch b) { return {a.v < b.v}; }
  friend batch_mask<Arch> operator>(batch a, batch b) { return {a.v > b.v}; }
  friend batch_mask<Arch> operator<=(batch a, batch b) { return {a.v <= b.v}; }
  friend batch_mask<Arch> operator>=(batch a, batch b) { return {a.v >= b.v}; }
  friend batch_mask<Arch> operator==(batch a, batch b) { return {a.v == b.v}; }
  friend batch_mask<Arch> operator!=(batch a, batch b) { return {a.v != b.v}; }

  friend batch select(batch_mask<Arch> m, batch a, batch b) { return xsimd::select(m.v, a.v, b.v); }
#if defined(__SSE2__)  // one instruction, which of equals and of unordered ones gives its second
  friend batch min(batch a, batch b) { return xsimd::min(b.v, a.v); }
  friend batch max(batch a, batch b) { return xsimd::max(b.v, a.v); }
#else
  friend batch min(batch a, batch b) { return select(b < a, b, a); }
  friend batch max(batch a, batch b) { return select(a < b, b, a); }
#endif
  friend batch positive_min(batch a, batch b) {
#if defined(__AVX512F__)
    if constexpr (sizeof(batch) == 64) {
      return register_type(_mm512_castsi512_ps(
          _mm512_min_epi32(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v))));
    }
#endif
#if defined(__AVX2__)
    if constexpr (sizeof(batch) == 32) {
      return register_type(_mm256_castsi256_ps(
          _mm256_min_epi32(_mm256_castps_si256(a.v), _mm256_castps_si256(b.v))));
    }
#endif
    return min(a, b);
  }
  friend batch positive_max(batch a, batch b) {
#if defined(__AVX512F__)
    if constexpr (sizeof(batch) == 64) {
      return register_type(_mm512_castsi512_ps(
          _mm512_max_epi32(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v))));
    }
#endif
#if defined(__AVX2__)
    if constexpr (sizeof(batch) == 32) {
      return register_type(_mm256_castsi256_ps(
          _mm256_max_epi32(_mm256_castps_si256(a.v), _mm256_castps_si256(b.v))));
    }
#endif
    return max(a, b);
  }
  friend batch abs(batch a) { return xsimd::abs(a.v); }
  friend batch sqrt(batch a) { return xsimd::sqrt(a.v); }
  friend batch exp(batch a) { return xsimd::exp(a.v); }
  friend batch round_even(batch a) { return xsimd::nearbyint(a.v); }
  friend int_batch<Arch> to_int(batch a) { return xsimd::to_int(a.v); }
  friend batch mul_add(batch x, batch y, batch z) {
#if defined(__AVX512F__) && XSIMD_VERSION_MAJOR < 11
    if constexpr (sizeof(batch) == 64)
      return register_type(_mm512_fmadd_ps(x.v, y.v, z.v));
    else
#endif
      return xsimd::fma(x.v, y.v, z.v);
  }
  friend void store(batch x, float* p) { x.v.store_unaligned(p); }
  /// Sum over the lanes, in lane order.
  friend float reduce_add(batch x) {
    float lane[register_type::size], sum = 0;
    store(x, lane);
    for (float value : lane) sum += value;
    return sum;
  }
};

template <class Arch>
batch<Arch> to_float(int_batch<Arch> a) {
  return xsimd::to_float(a.v);
}

template <class Arch>
struct lane_traits<batch<Arch>> {
  using int_type = int_batch<Arch>;
  static constexpr index_t lanes = static_cast<index_t>(batch<Arch>::register_type::size);
};

/// The floats of these bits.
template <class Arch>
batch<Arch> bit_float(int_batch<Arch> a) {
#if XSIMD_VERSION_MAJOR < 9
  return xsimd::bitwise_cast<typename batch<Arch>::register_type>(a.v);
#else
  return xsimd::bitwise_cast<float>(a.v);
#endif
}

/// The bits of these floats.
template <class Arch>
int_batch<Arch> float_bits(batch<Arch> a) {
#if XSIMD_VERSION_MAJOR < 9
  return xsimd::bitwise_cast<typename int_batch<Arch>::register_type>(a.v);
#else
  return xsimd::bitwise_cast<std::int32_t>(a.v);
#endif
}

/// -a where the sign bit of i is set, else a.
template <class Arch>
batch<Arch> change_sign(batch<Arch> a, int_batch<Arch> i) {
  return bit_float(float_bits(a) ^ (i & int_batch<Arch>(std::numeric_limits<std::int32_t>::min())));
}

}  // namespace openquant
