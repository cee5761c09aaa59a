// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include <openquant/core/simd_batch.hpp>

/// Sums and differences between the lanes of one register: the steps of a Walsh-Hadamard transform
/// inside it. `core/lane.hpp` has none of this, for one lane has no other to meet.
namespace openquant {

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

/// a + b and a - b, on AVX-512 by the units that multiply and add, for machines that have adders
/// beside them. One rounding, for the product is exact.
template <class Arch>
batch<Arch> add_fused(batch<Arch> a, batch<Arch> b) {
#if defined(__AVX512F__)
  if constexpr (sizeof a == 64) return mul_add(b, batch<Arch>(1.0f), a);
#endif
  return a + b;
}
template <class Arch>
batch<Arch> subtract_fused(batch<Arch> a, batch<Arch> b) {
#if defined(__AVX512F__)
  if constexpr (sizeof a == 64) return mul_add(b, batch<Arch>(-1.0f), a);
#endif
  return a - b;
}
/// Has x computed by now: compilers put a chain of sums off to where it ends, with its terms in
/// memory until then.
template <class Arch>
OPENQUANT_INLINE void compute_now([[maybe_unused]] batch<Arch>& x) {
#if defined(__SSE2__) && defined(__GNUC__)
  typename batch<Arch>::register_type::register_type v = x.v;
  asm("" : "+v"(v));
  x.v = v;
#endif
}
inline void compute_now(float&) {}
inline float add_fused(float a, float b) { return a + b; }
inline float subtract_fused(float a, float b) { return a - b; }

}  // namespace openquant
