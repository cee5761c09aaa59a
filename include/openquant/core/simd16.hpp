// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <concepts>
#include <xsimd/xsimd.hpp>

#include <openquant/core/lane16.hpp>

/// The vocabulary of `core/lane16.hpp` for SIMD registers. xsimd has no saturating or rounding
/// 16-bit operations, so AVX-512BW, AVX2 and SSE2 are used directly; other instruction sets get
/// eight plain lanes.
namespace openquant {

template <class Arch>
struct batch;

template <class Arch>
struct batch16;

#if defined(__AVX512BW__)
/// Lanes of 16-bit integers, 32 in a register of AVX-512BW.
template <class Arch>
requires std::derived_from<Arch, xsimd::avx512bw>
struct batch16<Arch> {
  static constexpr index_t lanes = 32;
  struct mask {
    __mmask32 v;
    friend std::uint32_t to_bits(mask m) { return m.v; }
  };
  __m512i v;

  static batch16 fill(std::uint16_t x) { return {_mm512_set1_epi16(static_cast<short>(x))}; }
  static batch16 load(const std::uint16_t* p) { return {_mm512_loadu_si512(p)}; }
  static batch16 load(const std::int16_t* p) { return {_mm512_loadu_si512(p)}; }
  friend void store(batch16 a, std::uint16_t* p) { _mm512_storeu_si512(p, a.v); }

  friend batch16 signed_difference(batch16 a, batch16 b) { return {_mm512_subs_epi16(a.v, b.v)}; }
  friend batch16 signed_square(batch16 e) { return {_mm512_mulhrs_epi16(e.v, e.v)}; }
  friend batch16 saturated_sum(batch16 a, batch16 b) { return {_mm512_adds_epu16(a.v, b.v)}; }
  friend batch16 saturated_difference(batch16 a, batch16 b) {
    return {_mm512_subs_epu16(a.v, b.v)};
  }
  friend batch16 min(batch16 a, batch16 b) { return {_mm512_min_epu16(a.v, b.v)}; }
  friend mask operator<=(batch16 a, batch16 b) { return {_mm512_cmple_epu16_mask(a.v, b.v)}; }
  friend batch16 select(mask m, batch16 a, batch16 b) {
    return {_mm512_mask_blend_epi16(m.v, b.v, a.v)};
  }
  template <int Times, int Part>
  friend batch16 repeat(batch16 a) {
    alignas(64) static constexpr auto source = [] {
      std::array<std::uint16_t, 32> index{};
      for (std::size_t i = 0; i < 32; ++i) {
        index[i] = static_cast<std::uint16_t>((std::size_t{Part} * 32 + i) / Times);
      }
      return index;
    }();
    return {_mm512_permutexvar_epi16(_mm512_load_si512(source.data()), a.v)};
  }
};
#endif

#if defined(__AVX2__)
/// Lanes of 16-bit integers, 16 in a register of AVX2.
template <class Arch>
requires std::derived_from<Arch, xsimd::avx2>
struct batch16<Arch> {
  static constexpr index_t lanes = 16;
  struct mask {
    __m256i v;
    friend std::uint32_t to_bits(mask m) {
      // The halves of the register are packed apart: 8 bits, 8 zeros, 8 bits, 8 zeros.
      const __m256i bytes = _mm256_packs_epi16(m.v, _mm256_setzero_si256());
      const auto bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes));
      return (bits & 0xffu) | (bits >> 8);
    }
  };
  __m256i v;

  static batch16 fill(std::uint16_t x) { return {_mm256_set1_epi16(static_cast<short>(x))}; }
  static batch16 load(const std::uint16_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
  }
  static batch16 load(const std::int16_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
  }
  friend void store(batch16 a, std::uint16_t* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v);
  }

  friend batch16 signed_difference(batch16 a, batch16 b) { return {_mm256_subs_epi16(a.v, b.v)}; }
  friend batch16 signed_square(batch16 e) { return {_mm256_mulhrs_epi16(e.v, e.v)}; }
  friend batch16 saturated_sum(batch16 a, batch16 b) { return {_mm256_adds_epu16(a.v, b.v)}; }
  friend batch16 saturated_difference(batch16 a, batch16 b) {
    return {_mm256_subs_epu16(a.v, b.v)};
  }
  friend batch16 min(batch16 a, batch16 b) { return {_mm256_min_epu16(a.v, b.v)}; }
  friend mask operator<=(batch16 a, batch16 b) {
    return {_mm256_cmpeq_epi16(_mm256_min_epu16(a.v, b.v), a.v)};
  }
  friend batch16 select(mask m, batch16 a, batch16 b) {
    return {_mm256_blendv_epi8(b.v, a.v, m.v)};
  }
  template <int Times, int Part>
  friend batch16 repeat(batch16 a) {
    if constexpr (Times == 1) {
      return a;
    } else {  // repeated Times / 2 times, and every lane of that doubled
      const __m256i half = repeat<Times / 2, Part / 2>(a).v;
      const __m256i spread = _mm256_permute4x64_epi64(half, 0b11'01'10'00);
      return {Part % 2 == 0 ? _mm256_unpacklo_epi16(spread, spread)
                            : _mm256_unpackhi_epi16(spread, spread)};
    }
  }
};
#endif

#if defined(__SSE2__)
/// Lanes of 16-bit integers, 8 in a register of SSE2.
template <class Arch>
requires std::derived_from<Arch, xsimd::sse2>
struct batch16<Arch> {
  static constexpr index_t lanes = 8;
  struct mask {
    __m128i v;
    friend std::uint32_t to_bits(mask m) {
      return static_cast<std::uint32_t>(
          _mm_movemask_epi8(_mm_packs_epi16(m.v, _mm_setzero_si128())));
    }
  };
  __m128i v;

  static batch16 fill(std::uint16_t x) { return {_mm_set1_epi16(static_cast<short>(x))}; }
  static batch16 load(const std::uint16_t* p) {
    return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))};
  }
  static batch16 load(const std::int16_t* p) {
    return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))};
  }
  friend void store(batch16 a, std::uint16_t* p) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), a.v);
  }

  friend batch16 signed_difference(batch16 a, batch16 b) { return {_mm_subs_epi16(a.v, b.v)}; }
  friend batch16 signed_square(batch16 e) {
    // The rounded product of SSSE3, from the upper 16 and the lower 16 bits of e^2.
    const __m128i high = _mm_slli_epi16(_mm_mulhi_epi16(e.v, e.v), 1);
    const __m128i low = _mm_srli_epi16(_mm_mullo_epi16(e.v, e.v), 14);
    return {_mm_add_epi16(high, _mm_srli_epi16(_mm_add_epi16(low, _mm_set1_epi16(1)), 1))};
  }
  friend batch16 saturated_sum(batch16 a, batch16 b) { return {_mm_adds_epu16(a.v, b.v)}; }
  friend batch16 saturated_difference(batch16 a, batch16 b) { return {_mm_subs_epu16(a.v, b.v)}; }
  friend batch16 min(batch16 a, batch16 b) {
    return {_mm_sub_epi16(a.v, _mm_subs_epu16(a.v, b.v))};
  }
  friend mask operator<=(batch16 a, batch16 b) {
    return {_mm_cmpeq_epi16(_mm_subs_epu16(a.v, b.v), _mm_setzero_si128())};
  }
  friend batch16 select(mask m, batch16 a, batch16 b) {
    return {_mm_or_si128(_mm_and_si128(m.v, a.v), _mm_andnot_si128(m.v, b.v))};
  }
  template <int Times, int Part>
  friend batch16 repeat(batch16 a) {
    if constexpr (Times == 1) {
      return a;
    } else {  // repeated Times / 2 times, and every lane of that doubled
      const __m128i half = repeat<Times / 2, Part / 2>(a).v;
      return {Part % 2 == 0 ? _mm_unpacklo_epi16(half, half) : _mm_unpackhi_epi16(half, half)};
    }
  }
};
#endif

template <class Arch>
struct lane16_traits<batch<Arch>> {
  using type = plain16<8, Arch>;
};

template <class Arch>
requires(batch16<Arch>::lanes > 0) struct lane16_traits<batch<Arch>> {
  using type = batch16<Arch>;
};

}  // namespace openquant
