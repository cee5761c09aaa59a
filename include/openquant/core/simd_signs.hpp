// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

#include <openquant/core/simd_batch.hpp>

/// Signs that are stored as bits, one a coordinate: a diagonal of them is a 32nd of the floats that
/// it multiplies.
namespace openquant {

/// -x where bit i of `bits` is set, else x; bit i is bit i mod 8 of byte i / 8.
inline float change_sign_by_bit(float x, const std::uint8_t* bits, index_t i) {
  return (bits[i >> 3] >> (i & 7)) & 1 ? -x : x;
}

/// The sign bits that four bits stand for, each in its lane.
alignas(16) inline constexpr auto sign_bits_of_four = [] {
  std::array<std::array<std::int32_t, 4>, 16> signs{};
  for (std::size_t bits = 0; bits < 16; ++bits) {
    for (std::size_t l = 0; l < 4; ++l) {
      if (bits >> l & 1) signs[bits][l] = std::numeric_limits<std::int32_t>::min();
    }
  }
  return signs;
}();

/// The same for the lanes of a register, lane l by bit i + l; i is a multiple of their number, of 8
/// if there are more.
template <class Arch>
OPENQUANT_INLINE batch<Arch> change_sign_by_bit(batch<Arch> x, const std::uint8_t* bits,
                                                index_t i) {
  constexpr index_t width = lane_count<batch<Arch>>;
  bits += i >> 3;
#if defined(__AVX512F__)
  if constexpr (sizeof x == 64) {
    std::uint16_t mask = 0;
    std::memcpy(&mask, bits, sizeof mask);
    const __m512i v = _mm512_castps_si512(x.v);
    return typename batch<Arch>::register_type(_mm512_castsi512_ps(_mm512_mask_xor_epi32(
        v, mask, v, _mm512_set1_epi32(std::numeric_limits<std::int32_t>::min()))));
  } else
#endif
#if defined(__AVX2__)
      if constexpr (sizeof x == 32) {
    const __m256i to_sign = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    using ints = typename int_batch<Arch>::register_type;
    return change_sign(x,
                       int_batch<Arch>(ints(_mm256_sllv_epi32(_mm256_set1_epi32(*bits), to_sign))));
  } else
#endif
  {
    std::int32_t signs[width];
    for (index_t l = 0; l < width; l += 4) {
      const unsigned four = bits[l >> 3] >> ((i + l) & 4) & 15u;
      std::memcpy(signs + l, sign_bits_of_four[four].data(), sizeof sign_bits_of_four[four]);
    }
    return bit_float(float_bits(x) ^ int_batch<Arch>::load(signs));
  }
}

}  // namespace openquant
