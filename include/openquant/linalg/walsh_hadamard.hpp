// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstddef>
#include <span>
#include <type_traits>

#include <openquant/core/contract.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/linalg/diagonal.hpp>
#include <openquant/linalg/walsh_hadamard_passes.hpp>

namespace openquant::linalg {

/// x <- After H Before x, where H is Sylvester's matrix of order n, a power of two: one coordinate
/// after the other. `walsh_hadamard` does the same additions in the same order; this is its oracle,
/// and what it uses for rows shorter than a register.
///
/// Cost:    n log2 n additions
template <class Before = unscaled, class After = unscaled>
void walsh_hadamard_scalar(std::span<float> x, Before before = {}, After after = {}) {
  const auto n = static_cast<index_t>(x.size());
  float* const p = x.data();
  for (index_t i = 0; i < n; ++i) p[i] = before.times(p[i], i);
  for (index_t h = 1; h < n; h *= 2) {
    for (index_t i = 0; i < n; i += 2 * h) {
      for (index_t j = i; j < i + h; ++j) {
        const float a = p[j], b = p[j + h];
        p[j] = a + b;
        p[j + h] = a - b;
      }
    }
  }
  for (index_t i = 0; i < n; ++i) p[i] = after.times(p[i], i);
}

/// The rows of X of radix^2 lanes in two passes, longer ones in r parts and one pass over all of
/// them, so that each part is finished while it is in the nearest cache.
template <class Lanes, class Before, class After>
void walsh_hadamard_long(const matrix_view<float>& x, Before before, After after, index_t advance,
                         fetch_ahead ahead) {
  constexpr index_t radix = walsh_hadamard_radix<Lanes>;
  index_t r = x.cols() / (radix * lane_count<Lanes>);
  OPENQUANT_EXPECTS(r >= radix);
  if (r == radix) {
    return walsh_hadamard_two_passes<radix, Lanes>(x, before, after, advance, ahead);
  }
  while (r > radix) r /= radix;  // what passes of `radix` leave
  const index_t h = x.cols() / r;
  for (index_t i = 0; i < x.rows(); ++i) {
    float* const row = x.data() + i * x.stride();
    walsh_hadamard_long<Lanes>(matrix_view<float>(row, r, h), before.from(i * advance), unscaled{},
                               h, {i < ahead.rows ? r : 0, ahead.distance});
    const After out = after.from(i * advance);
    switch (r) {
      case 2:
        walsh_hadamard_over_row<2, Lanes>(row, h, out);
        break;
      case 4:
        walsh_hadamard_over_row<4, Lanes>(row, h, out);
        break;
      case 8:
        walsh_hadamard_over_row<8, Lanes>(row, h, out);
        break;
      default:
        walsh_hadamard_over_row<radix, Lanes>(row, h, out);
    }
  }
}

/// x <- After H Before x for each row x of X, in registers and in as few passes over a row as they
/// allow: on AVX-512 one up to n = 256, two up to 4096. Before is applied in the first and After in
/// the last of them; row i begins at coordinate i * advance of both. Every Lanes gives the same
/// bits.
///
/// Cost:    n log2 n additions a row
/// Source:  Fino & Algazi, IEEE Trans. Comput. C-25, 1976, for the decomposition
template <Lane Lanes, class Before = unscaled, class After = unscaled>
OPENQUANT_INLINE void walsh_hadamard(const matrix_view<float>& x, Before before = {},
                                     After after = {}, index_t advance = 0,
                                     fetch_ahead ahead = {}) {
  constexpr index_t lanes = lane_count<Lanes>, radix = walsh_hadamard_radix<Lanes>;
  const index_t n = x.cols();
  OPENQUANT_EXPECTS(n > 0 && std::has_single_bit(static_cast<std::size_t>(n)));
  const auto one_pass = [&]<index_t r>(std::integral_constant<index_t, r>) {
    walsh_hadamard_one_pass<r, Lanes>(x, before, after, advance, ahead);
  };
  if (n < lanes) {
    for (index_t i = 0; i < x.rows(); ++i) {
      walsh_hadamard_scalar(x.row(i), before.from(i * advance), after.from(i * advance));
    }
    return;
  }
  constexpr index_t wide = radix == 16 ? 1 : -1;  // cases of radix 16 alone
  switch (n / lanes) {
    case 1:
      return one_pass(std::integral_constant<index_t, 1>{});
    case 2:
      return one_pass(std::integral_constant<index_t, 2>{});
    case 4:
      return one_pass(std::integral_constant<index_t, 4>{});
    case 8:
      return one_pass(std::integral_constant<index_t, 8>{});
    case wide * 16:
      return one_pass(std::integral_constant<index_t, radix>{});
    case 2 * radix:
      return walsh_hadamard_two_passes<2, Lanes>(x, before, after, advance, ahead);
    case 4 * radix:
      return walsh_hadamard_two_passes<4, Lanes>(x, before, after, advance, ahead);
    case wide * 128:
      return walsh_hadamard_two_passes<8, Lanes>(x, before, after, advance, ahead);
    default:
      return walsh_hadamard_long<Lanes>(x, before, after, advance, ahead);
  }
}

/// The same for one row.
template <Lane Lanes, class Before = unscaled, class After = unscaled>
void walsh_hadamard(std::span<float> row, Before before = {}, After after = {}) {
  walsh_hadamard<Lanes>(matrix_view<float>(row.data(), 1, static_cast<index_t>(row.size())), before,
                        after);
}

}  // namespace openquant::linalg
