// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <xsimd/xsimd.hpp>

#include <openquant/core/lane.hpp>
#include <openquant/core/simd16.hpp>

/// The lane vocabulary of `core/lane.hpp` for SIMD registers. This is the only header that names
/// xsimd, and it uses only what version 8.1 to 14 agree on; where 8.1 is slow (its fused
/// multiply-add is not fused on AVX-512) the register is used directly.
namespace openquant {

// A loop over an array of registers must be unrolled at every level of optimisation, or the array
// moves to memory.
#if defined(__clang__)
#define OPENQUANT_UNROLL_REGISTERS _Pragma("unroll")
#elif defined(__GNUC__)
#define OPENQUANT_UNROLL_REGISTERS _Pragma("GCC unroll 16")
#else
#define OPENQUANT_UNROLL_REGISTERS
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
  friend int_batch select(batch_mask<Arch> m, int_batch a, int_batch b) {
#if XSIMD_VERSION_MAJOR < 9
    return xsimd::select(xsimd::bool_cast(m.v), a.v, b.v);
#else
    return xsimd::select(xsimd::batch_bool_cast<std::int32_t>(m.v), a.v, b.v);
#endif
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

/// table[i] in every lane: one instruction where the hardware has it, which xsimd 8.1 does not
/// know.
template <class Arch>
batch<Arch> gather(const float* table, int_batch<Arch> i) {
  using register_type = typename batch<Arch>::register_type;
#if defined(__AVX512F__)
  if constexpr (sizeof(i) == 64) return register_type(_mm512_i32gather_ps(i.v, table, 4));
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(i) == 32) return register_type(_mm256_i32gather_ps(table, i.v, 4));
#endif
  std::int32_t index[register_type::size];
  float value[register_type::size];
  store(i, index);
  for (std::size_t l = 0; l < register_type::size; ++l) value[l] = table[index[l]];
  return batch<Arch>::load(value);
}

/// table[i mod n] in every lane, n = 16, 32 or 64: the table stays in registers where the hardware
/// permutes by an index (AVX2, AVX-512).
template <index_t n, class Arch>
batch<Arch> lookup(const float (&table)[n], int_batch<Arch> i) {
  static_assert(n == 16 || n == 32 || n == 64);
  using register_type = typename batch<Arch>::register_type;
#if defined(__AVX512F__)
  if constexpr (sizeof(i) == 64) {
    if constexpr (n == 16) {
      return register_type(_mm512_permutexvar_ps(i.v, _mm512_loadu_ps(table)));
    } else {
      const auto of_32 = [&](const float* t) {
        return _mm512_permutex2var_ps(_mm512_loadu_ps(t), i.v, _mm512_loadu_ps(t + 16));
      };
      if constexpr (n == 32) return register_type(of_32(table));
      const __mmask16 upper = _mm512_test_epi32_mask(i.v, _mm512_set1_epi32(32));
      return register_type(_mm512_mask_blend_ps(upper, of_32(table), of_32(table + 32)));
    }
  } else
#endif
#if defined(__AVX2__)
      if constexpr (sizeof(i) == 32) {
    // Halves of the table are chosen by the sign bit of an index shifted up.
    const auto of_16 = [&](const float* t) {
      const __m256i at = i.v;
      return _mm256_blendv_ps(_mm256_permutevar8x32_ps(_mm256_loadu_ps(t), at),
                              _mm256_permutevar8x32_ps(_mm256_loadu_ps(t + 8), at),
                              _mm256_castsi256_ps(_mm256_slli_epi32(at, 28)));
    };
    const auto of_32 = [&](const float* t) {
      return _mm256_blendv_ps(of_16(t), of_16(t + 16),
                              _mm256_castsi256_ps(_mm256_slli_epi32(i.v, 27)));
    };
    if constexpr (n == 16) return register_type(of_16(table));
    if constexpr (n == 32) return register_type(of_32(table));
    if constexpr (n == 64) {
      return register_type(_mm256_blendv_ps(of_32(table), of_32(table + n - 32),
                                            _mm256_castsi256_ps(_mm256_slli_epi32(i.v, 26))));
    }
  } else
#endif
  {
    std::int32_t index[register_type::size];
    float value[register_type::size];
    store(i, index);
    for (std::size_t l = 0; l < register_type::size; ++l) value[l] = lookup(table, index[l]);
    return batch<Arch>::load(value);
  }
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

/// table[i mod 256] in every lane; the table stays in eight registers of AVX-512.
template <class Arch>
int_batch<Arch> lookup(const std::uint16_t (&table)[256], int_batch<Arch> i) {
  using register_type [[maybe_unused]] = typename int_batch<Arch>::register_type;
#if defined(__AVX512BW__)
  if constexpr (sizeof(i) == 64) {
    const auto of_64 = [&](const std::uint16_t* t) OPENQUANT_INLINE_LAMBDA {
      return _mm512_permutex2var_epi16(_mm512_loadu_si512(t), i.v, _mm512_loadu_si512(t + 32));
    };
    const __mmask16 bit_6 = _mm512_test_epi32_mask(i.v, _mm512_set1_epi32(64));
    const __mmask16 bit_7 = _mm512_test_epi32_mask(i.v, _mm512_set1_epi32(128));
    const __m512i lower = _mm512_mask_mov_epi32(of_64(table), bit_6, of_64(table + 64));
    const __m512i upper = _mm512_mask_mov_epi32(of_64(table + 128), bit_6, of_64(table + 192));
    return register_type(
        _mm512_and_si512(_mm512_mask_mov_epi32(lower, bit_7, upper), _mm512_set1_epi32(0xffff)));
  } else
#endif
#if defined(__AVX2__)
      if constexpr (sizeof(i) == 32) {
    const __m256i at = _mm256_and_si256(i.v, _mm256_set1_epi32(255));
    const __m256i pair =
        _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), _mm256_srli_epi32(at, 1), 4);
    const __m256i odd = _mm256_and_si256(at, _mm256_set1_epi32(1));
    return register_type(_mm256_and_si256(_mm256_srlv_epi32(pair, _mm256_slli_epi32(odd, 4)),
                                          _mm256_set1_epi32(0xffff)));
  } else
#endif
  {
    std::int32_t lane[register_type::size];
    store(i, lane);
    for (std::int32_t& value : lane) value = lookup(table, value);
    return int_batch<Arch>::load(lane);
  }
}

/// -a where the sign bit of i is set, else a.
template <class Arch>
batch<Arch> change_sign(batch<Arch> a, int_batch<Arch> i) {
  return bit_float(float_bits(a) ^ (i & int_batch<Arch>(std::numeric_limits<std::int32_t>::min())));
}

/// sum plus the four bytes of a: one instruction where there is a dot product of bytes.
template <class Arch>
int_batch<Arch> add_bytes(int_batch<Arch> sum, int_batch<Arch> a) {
  using register_type [[maybe_unused]] = typename int_batch<Arch>::register_type;
#if defined(__AVX512VNNI__)
  if constexpr (sizeof(a) == 64) {
    return register_type(_mm512_dpbusd_epi32(sum.v, a.v, _mm512_set1_epi8(1)));
  } else
#endif
#if defined(__AVX2__)
      if constexpr (sizeof(a) == 32) {
    const __m256i pairs = _mm256_maddubs_epi16(a.v, _mm256_set1_epi8(1));
    return sum + int_batch<Arch>(register_type(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
  } else
#endif
  {
    const int_batch<Arch> byte(255);
    return sum + (a & byte) + ((a >> 8) & byte) + ((a >> 16) & byte) + ((a >> 24) & byte);
  }
}

/// sum plus the dot product of the bytes of a, unsigned and below 2^bits, and those of b, signed:
/// one instruction of AVX-512 or AVX VNNI, three of AVX2 up to 7 bits.
template <int bits, class Arch>
int_batch<Arch> dot_bytes(int_batch<Arch> sum, int_batch<Arch> a, int_batch<Arch> b) {
  static_assert(1 <= bits && bits <= 8);
  using register_type [[maybe_unused]] = typename int_batch<Arch>::register_type;
#if defined(__AVX512VNNI__)
  if constexpr (sizeof(a) == 64) {
    return register_type(_mm512_dpbusd_epi32(sum.v, a.v, b.v));
  } else
#endif
#if defined(__AVX2__)
      if constexpr (sizeof(a) == 32) {
    const __m256i c = sum.v, x = a.v, y = b.v;  // those of AVX-512VL are macros that cast
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return register_type(_mm256_dpbusd_epi32(c, x, y));
#elif defined(__AVXVNNI__)
    return register_type(_mm256_dpbusd_avx_epi32(c, x, y));
#else
    __m256i products;
    if constexpr (bits <= 7) {  // a sum of two products fits 16 bits
      products = _mm256_madd_epi16(_mm256_maddubs_epi16(x, y), _mm256_set1_epi16(1));
    } else {
      const __m256i even = _mm256_madd_epi16(_mm256_and_si256(x, _mm256_set1_epi16(255)),
                                             _mm256_srai_epi16(_mm256_slli_epi16(y, 8), 8));
      const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), _mm256_srai_epi16(y, 8));
      products = _mm256_add_epi32(even, odd);
    }
    return register_type(_mm256_add_epi32(c, products));
#endif
  } else
#endif
  {
    const int_batch<Arch> byte(255);
    sum = sum + (a & byte) * ((b << 24) >> 24);
    sum = sum + ((a >> 8) & byte) * ((b << 16) >> 24);
    sum = sum + ((a >> 16) & byte) * ((b << 8) >> 24);
    return sum + ((a >> 24) & byte) * (b >> 24);
  }
}

/// Lane i: 32 bits of three consecutive words from bit first - i step on, in [0, 64); step >= 1.
template <Lane T>
requires(lane_count<T> >
         1) OPENQUANT_INLINE lane_int_t<T> bit_windows(std::int32_t w0, std::int32_t w1,
                                                       std::int32_t w2, int first, int step) {
  using register_type [[maybe_unused]] = typename lane_int_t<T>::register_type;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 64) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i at = _mm512_sub_epi32(_mm512_set1_epi32(first),
                                        _mm512_mullo_epi32(lane, _mm512_set1_epi32(step)));
    __m512i low = _mm512_set1_epi32(w0), high = _mm512_set1_epi32(w1);
    if (first >= 32) {  // the leading lanes begin in the second word
      const int lanes = std::min((first - 32) / step + 1, 16);
      const auto beyond = static_cast<__mmask16>((1 << lanes) - 1);
      low = _mm512_mask_set1_epi32(low, beyond, w1);
      high = _mm512_mask_set1_epi32(high, beyond, w2);
    }
    // clang 14 takes the wrong word where it knows at compile time that a lane is shifted by 0.
#if defined(__AVX512VBMI2__) && !defined(__clang__)
    return register_type(_mm512_shrdv_epi32(low, high, at));
#else
    const __m512i shift = _mm512_and_si512(at, _mm512_set1_epi32(31));
    return register_type(
        _mm512_or_si512(_mm512_srlv_epi32(low, shift),
                        _mm512_sllv_epi32(high, _mm512_sub_epi32(_mm512_set1_epi32(32), shift))));
#endif
  } else
#endif
#if defined(__AVX2__)
      if constexpr (sizeof(T) == 32) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i at = _mm256_sub_epi32(_mm256_set1_epi32(first),
                                        _mm256_mullo_epi32(lane, _mm256_set1_epi32(step)));
    const __m256i beyond = _mm256_cmpgt_epi32(at, _mm256_set1_epi32(31));
    const __m256i low = _mm256_blendv_epi8(_mm256_set1_epi32(w0), _mm256_set1_epi32(w1), beyond);
    const __m256i high = _mm256_blendv_epi8(_mm256_set1_epi32(w1), _mm256_set1_epi32(w2), beyond);
    const __m256i shift = _mm256_and_si256(at, _mm256_set1_epi32(31));
    return register_type(
        _mm256_or_si256(_mm256_srlv_epi32(low, shift),
                        _mm256_sllv_epi32(high, _mm256_sub_epi32(_mm256_set1_epi32(32), shift))));
  } else
#endif
  {
    std::int32_t window[register_type::size];
    for (std::int32_t& lane : window) {
      lane = bit_windows<float>(w0, w1, w2, first, step);
      first -= step;
    }
    return lane_int_t<T>::load(window);
  }
}

/// Lane i: 16 bits of two consecutive words from bit first - i step on, in [0, 48]; step >= 1.
template <Lane T>
requires(lane_count<T> > 1) OPENQUANT_INLINE lane_int_t<T> half_windows(const std::int32_t* words,
                                                                        int first, int step) {
#if defined(__AVX512VBMI__)
  if constexpr (sizeof(T) == 64) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i at = _mm512_sub_epi32(_mm512_set1_epi32(first),
                                        _mm512_mullo_epi32(lane, _mm512_set1_epi32(step)));
    // Where the two lower bytes of a lane begin.
    const __m512i bytes =
        _mm512_add_epi32(_mm512_mullo_epi32(at, _mm512_set1_epi32(257)), _mm512_set1_epi32(8 << 8));
    std::int64_t both;
    std::memcpy(&both, words, sizeof both);
    return typename lane_int_t<T>::register_type(
        _mm512_maskz_multishift_epi64_epi8(0x3333333333333333u, bytes, _mm512_set1_epi64(both)));
  } else
#endif
    return bit_windows<T>(words[0], words[1], 0, first, step) & lane_int_t<T>(0xffff);
}

/// Lane l of the result is lane l ^ h of x; h is a power of two below the number of lanes.
template <index_t h, class Arch>
batch<Arch> exchange_lanes(batch<Arch> x) {
  using register_type = typename batch<Arch>::register_type;
#if defined(__AVX512F__)
  if constexpr (sizeof x == 64) {
    if constexpr (h == 1) return register_type(_mm512_permute_ps(x.v, 0xB1));
    if constexpr (h == 2) return register_type(_mm512_permute_ps(x.v, 0x4E));
    if constexpr (h == 4) return register_type(_mm512_shuffle_f32x4(x.v, x.v, 0xB1));
    if constexpr (h == 8) return register_type(_mm512_shuffle_f32x4(x.v, x.v, 0x4E));
  } else
#endif
#if defined(__AVX__)
      if constexpr (sizeof x == 32) {
    if constexpr (h == 1) return register_type(_mm256_permute_ps(x.v, 0xB1));
    if constexpr (h == 2) return register_type(_mm256_permute_ps(x.v, 0x4E));
    if constexpr (h == 4) return register_type(_mm256_permute2f128_ps(x.v, x.v, 1));
  } else
#endif
#if defined(__SSE2__)
      if constexpr (sizeof x == 16) {
    return register_type(_mm_shuffle_ps(x.v, x.v, h == 1 ? 0xB1 : 0x4E));
  } else
#endif
  {
    constexpr index_t width = static_cast<index_t>(register_type::size);
    float lane[width], exchanged[width];
    store(x, lane);
    for (index_t l = 0; l < width; ++l) exchanged[l] = lane[l ^ h];
    return batch<Arch>::load(exchanged);
  }
}

/// 1 in the lanes without bit h, -1 in those with it.
template <index_t lanes, index_t h>
alignas(64) inline constexpr auto butterfly_signs = [] {
  std::array<float, lanes> sign{};
  for (index_t l = 0; l < lanes; ++l) sign[static_cast<std::size_t>(l)] = l & h ? -1.0f : 1.0f;
  return sign;
}();

/// Each pair of lanes (l, l ^ h), l without bit h, becomes its sum and its difference.
template <index_t h, class Arch>
batch<Arch> butterfly(batch<Arch> x) {
  const auto sign = batch<Arch>::load(butterfly_signs<lane_count<batch<Arch>>, h>.data());
  // One rounding, fused or not: the product is exact.
  return mul_add(x, sign, exchange_lanes<h>(x));
}

}  // namespace openquant
