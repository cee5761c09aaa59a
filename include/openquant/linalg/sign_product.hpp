// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/linalg/walsh_hadamard.hpp>

namespace openquant::linalg {

/// Products with a matrix H of signs, in place: X <- H X. The 16 signed sums of each four rows of X
/// are tabulated, and each row of the result adds m / 4 entries of the tables instead of m rows.
///
/// Shapes:  H : (m, m), entries +1 and -1, m a multiple of 4; X : (m, p), p a multiple of the lanes
/// Cost:    (m / 4 + 6) m p additions in registers; 64 m bytes of scratch a lane
/// Source:  Arlazarov, Dinic, Kronrod & Faradzhev, Dokl. Akad. Nauk SSSR 194, 1970
class sign_product {
 public:
  sign_product() = default;
  explicit sign_product(matrix_view<const float> h) : m_(h.rows()) {
    OPENQUANT_EXPECTS(h.cols() == m_ && m_ % 4 == 0);
    for (index_t i = 0; i < m_; i += 4) {
      for (index_t j = 0; j < m_; j += 4) {
        for (index_t r = 0; r < 4; ++r) {
          index_t entry = 4 * j;
          for (index_t k = 0; k < 4; ++k) entry += h(i + r, j + k) < 0 ? index_t{1} << k : 0;
          entries_.push_back(static_cast<std::uint16_t>(entry));
        }
      }
    }
  }

  /// X <- After H X for the X whose rows lie one after the other; coordinate i p + j of After
  /// belongs to X_ij.
  template <Lane Lanes, class After>
  void apply(float* x, index_t p, After after) const {
    constexpr index_t lanes = lane_count<Lanes>, most_on_stack = 64;
    OPENQUANT_EXPECTS(p % lanes == 0);
    Lanes few[4 * most_on_stack];
    std::unique_ptr<Lanes[]> many;
    if (m_ > most_on_stack) many.reset(new Lanes[static_cast<std::size_t>(4 * m_)]);
    Lanes* const table = m_ > most_on_stack ? many.get() : few;
    for (index_t j = 0; j < p; j += lanes) {
      for (index_t i = 0; i < m_; i += 4) tabulate(x + i * p + j, p, table + 4 * i);
      const std::uint16_t* entry = entries_.data();
      for (index_t i = 0; i < m_; i += 4) {  // four sums at once, for each waits for itself
        Lanes sum[4];
        OPENQUANT_UNROLL_REGISTERS
        for (index_t r = 0; r < 4; ++r) sum[r] = table[entry[r]];
        entry += 4;
        for (index_t k = 4; k < m_; k += 4, entry += 4) {
          OPENQUANT_UNROLL_REGISTERS
          for (index_t r = 0; r < 4; ++r) sum[r] = sum[r] + table[entry[r]];
        }
        OPENQUANT_UNROLL_REGISTERS
        for (index_t r = 0; r < 4; ++r) {
          const index_t at = (i + r) * p + j;
          store(after.times(sum[r], at), x + at);
        }
      }
    }
  }

 private:
  /// table[s] = sum over k of x_k, with a minus where bit k of s is set.
  template <class Lanes>
  static void tabulate(const float* x, index_t p, Lanes* table) {
    const Lanes a = load<Lanes>(x), b = load<Lanes>(x + p);
    const Lanes c = load<Lanes>(x + 2 * p), d = load<Lanes>(x + 3 * p);
    const Lanes left[4] = {a + b, b - a, a - b, -a - b}, sum = c + d, difference = c - d;
    OPENQUANT_UNROLL_REGISTERS
    for (index_t s = 0; s < 4; ++s) {
      table[s] = left[s] + sum;
      table[4 + s] = left[s] - difference;
      table[8 + s] = left[s] + difference;
      table[12 + s] = left[s] - sum;
    }
  }

  index_t m_ = 0;
  std::vector<std::uint16_t> entries_;  // (m / 4, m / 4, 4): the rows of H by fours, what each adds
};

}  // namespace openquant::linalg
