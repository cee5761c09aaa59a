// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>

#include <openquant/core/simd.hpp>
#include <openquant/linalg/diagonal.hpp>
#include <openquant/linalg/hadamard_matrix.hpp>

namespace openquant::linalg {

/// How each row of Paley's matrix of order m, or of its transpose, is put together of sums of four
/// coordinates: entry [r][g] belongs to row r and coordinates 4 g, ..., 4 g + 3. Bit k says that
/// the sign of coordinate 4 g + k is not that of 4 g; bit 0 that the whole is subtracted.
template <index_t m, bool transposed>
inline constexpr auto paley_terms = [] {
  static_assert(m % 4 == 0);
  std::array<float, static_cast<std::size_t>(paley_prime(m))> chi{};
  hadamard_orders::quadratic_character(chi);
  std::array<std::array<unsigned char, m / 4>, m> terms{};
  for (index_t r = 0; r < m; ++r) {
    for (index_t g = 0; g < m / 4; ++g) {
      unsigned minus[4] = {};
      for (index_t k = 0; k < 4; ++k) {
        const index_t i = transposed ? 4 * g + k : r, j = transposed ? r : 4 * g + k;
        minus[k] = paley_entry(m, i, j, chi) < 0;
      }
      unsigned bits = minus[0];
      for (unsigned k = 1; k < 4; ++k) bits |= (minus[k] ^ minus[0]) << k;
      terms[static_cast<std::size_t>(r)][static_cast<std::size_t>(g)] =
          static_cast<unsigned char>(bits);
    }
  }
  return terms;
}();

/// X <- After H X, or H^T X, in place, H Paley's matrix of order m, written out: the eight sums of
/// each four rows of X in which the first has a plus are formed once, and each row of the result
/// adds or subtracts m / 4 of them.
///
/// Shapes:  X : (m, p), rows one after the other, p a multiple of the lanes; coordinate i p + j of
///          After belongs to X_ij
/// Cost:    (m / 4 + 3) m p additions in registers
template <index_t m, bool transposed, Lane Lanes, class After>
void paley_product(float* x, index_t p, const After& after) {
  constexpr std::size_t groups = m / 4;
  static_assert(groups <= 16);
  for (index_t j = 0; j < p; j += lane_count<Lanes>) {
    Lanes table[groups][8];
    OPENQUANT_UNROLL_REGISTERS
    for (std::size_t g = 0; g < groups; ++g) {
      const float* const from = x + static_cast<index_t>(4 * g) * p + j;
      const Lanes a = load<Lanes>(from), b = load<Lanes>(from + p);
      const Lanes c = load<Lanes>(from + 2 * p), d = load<Lanes>(from + 3 * p);
      const Lanes left[2] = {a + b, a - b}, sum = c + d, difference = c - d;
      OPENQUANT_UNROLL_REGISTERS
      for (std::size_t s = 0; s < 2; ++s) {
        table[g][s] = left[s] + sum;
        table[g][s + 2] = left[s] - difference;
        table[g][s + 4] = left[s] + difference;
        table[g][s + 6] = left[s] - sum;
      }
    }
    OPENQUANT_UNROLL_REGISTERS
    for (std::size_t i = 0; i < groups; ++i) {
      OPENQUANT_UNROLL_REGISTERS
      for (std::size_t r = 4 * i; r < 4 * i + 4; ++r) {
        const auto& term = paley_terms<m, transposed>[r];
        Lanes sum = term[0] % 2 ? -table[0][term[0] / 2] : table[0][term[0] / 2];
        OPENQUANT_UNROLL_REGISTERS
        for (std::size_t g = 1; g < groups; ++g) {
          const Lanes u = table[g][term[g] / 2];
          const bool minus = term[g] % 2 == 1;
          if (g % 2 == r % 2)  // half of them by the other units
            sum = minus ? subtract_fused(sum, u) : add_fused(sum, u);
          else
            sum = minus ? sum - u : sum + u;
        }
        const index_t at = static_cast<index_t>(r) * p + j;
        store(after.times(sum, at), x + at);
      }
    }
  }
}

}  // namespace openquant::linalg
