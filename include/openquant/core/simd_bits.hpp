// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/lane_bits.hpp>
#include <openquant/core/simd_batch.hpp>

/// The vocabulary of `core/lane_bits.hpp` for SIMD registers: AVX-512 has an instruction or two for
/// each, other instruction sets take those of the plain lane.
namespace openquant {

#if defined(__AVX2__)
template <class Arch>
inline constexpr bool has_register_tables<batch<Arch>> = sizeof(batch<Arch>) >= 32;
#endif
#if defined(__AVX512VBMI__) && defined(__GFNI__)
template <class Arch>
inline constexpr bool has_byte_maps<batch<Arch>> = sizeof(batch<Arch>) == 64;
#endif

/// table[b] for every byte b of i; the table stays in four registers of AVX-512 VBMI.
template <class Arch>
int_batch<Arch> lookup_bytes(const std::uint8_t (&table)[256], int_batch<Arch> i) {
  using register_type = typename int_batch<Arch>::register_type;
#if defined(__AVX512VBMI__)
  if constexpr (sizeof(i) == 64) {
    const auto of_128 = [&](const std::uint8_t* t) OPENQUANT_INLINE_LAMBDA {
      return _mm512_permutex2var_epi8(_mm512_loadu_si512(t), i.v, _mm512_loadu_si512(t + 64));
    };
    return register_type(
        _mm512_mask_mov_epi8(of_128(table), _mm512_movepi8_mask(i.v), of_128(table + 128)));
  } else
#endif
  {
    std::int32_t lane[register_type::size];
    store(i, lane);
    for (std::int32_t& value : lane) value = lookup_bytes(table, value);
    return int_batch<Arch>::load(lane);
  }
}

#if defined(__GFNI__) && defined(__AVX512F__)
template <std::uint64_t rows, class Arch>
requires(sizeof(int_batch<Arch>) == 64) int_batch<Arch> map_bytes(int_batch<Arch> x) {
  constexpr auto reversed = [] {  // the instruction wants the row of the highest bit first
    std::uint64_t r = 0;
    for (int i = 0; i < 8; ++i) r |= ((rows >> (8 * i)) & 255) << (56 - 8 * i);
    return r;
  }();
  const __m512i matrix = _mm512_set1_epi64(static_cast<std::int64_t>(reversed));
  return typename int_batch<Arch>::register_type(_mm512_gf2p8affine_epi64_epi8(x.v, matrix, 0));
}
#endif

#if defined(__AVX512BITALG__) && defined(__AVX512VPOPCNTDQ__)
template <int width, class Arch>
requires(sizeof(int_batch<Arch>) == 64) int_batch<Arch> parities(int_batch<Arch> x) {
  using register_type = typename int_batch<Arch>::register_type;
  static_assert(width == 8 || width == 16 || width == 32);
  if constexpr (width == 8) return register_type(_mm512_popcnt_epi8(x.v));
  if constexpr (width == 16) return register_type(_mm512_popcnt_epi16(x.v));
  if constexpr (width == 32) return register_type(_mm512_popcnt_epi32(x.v));
}
#endif

}  // namespace openquant
