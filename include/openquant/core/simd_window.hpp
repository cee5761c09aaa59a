// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

#include <openquant/core/simd_batch.hpp>

/// A window on a few consecutive words of bits, its place another in each lane: how the states of a
/// trellis are read, one a lane.
namespace openquant {

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

}  // namespace openquant
