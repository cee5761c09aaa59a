// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <openquant/core/simd_batch.hpp>

/// Tables read by a register of indices: what xsimd 8.1 does not know, in intrinsics of AVX2 and
/// AVX-512. Other instruction sets go lane by lane.
namespace openquant {

/// table[i] in every lane: one instruction where the hardware has it.
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

}  // namespace openquant
