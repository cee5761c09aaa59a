// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <openquant/core/simd_batch.hpp>

/// Sums over the four bytes of each 32-bit lane, in intrinsics where xsimd has no operation.
namespace openquant {

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

}  // namespace openquant
