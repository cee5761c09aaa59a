// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/linalg/diagonal.hpp>

namespace openquant::linalg {

/// Products with a matrix H of signs, in place: X <- H X. The 16 signed sums of each four rows of X
/// are tabulated, and each row of the result adds m / 4 entries of the tables instead of m rows.
///
/// Shapes:  H : (m, m), entries +1 and -1, m a multiple of 4; X : (m, p), p a multiple of the lanes
/// Cost:    (m / 4 + 6) m p additions in registers; from m = 64 on 8 m bytes of scratch a lane
/// Source:  Arlazarov, Dinic, Kronrod & Faradzhev, Dokl. Akad. Nauk SSSR 194, 1970
class sign_product {
 public:
  sign_product() = default;
  explicit sign_product(matrix_view<const float> h) : m_(h.rows()) {
    OPENQUANT_EXPECTS(h.cols() == m_ && m_ % 4 == 0);
    for (index_t i = 0; i < m_; i += 4) {
      for (index_t j = 0; j < m_; j += 4) {
        for (index_t r = 0; r < 4; ++r) {
          index_t entry = 0;
          for (index_t k = 0; k < 4; ++k) entry += h(i + r, j + k) < 0 ? index_t{1} << k : 0;
          entries_.push_back(static_cast<std::uint16_t>(32 * entry));
        }
      }
    }
  }

  /// X <- After H X for the X whose rows lie one after the other; coordinate i p + j of After
  /// belongs to X_ij.
  template <Lane Lanes, class After>
  void apply(float* x, index_t p, After after) const {
    constexpr index_t lanes = lane_count<Lanes>;
    OPENQUANT_EXPECTS(p % lanes == 0);
    // Sums over the tables so far; those of a single part need no place.
    const bool in_parts = m_ / 4 > most;
    aligned_vector<float> partial(in_parts ? static_cast<std::size_t>(2 * lanes * m_) : 0);
    index_t j = 0;
    if constexpr (lanes > 1) {
      for (; j + 2 * lanes <= p; j += 2 * lanes) strip<2, Lanes>(x, j, p, after, partial.data());
    }
    for (; j < p; j += lanes) strip<1, Lanes>(x, j, p, after, partial.data());
  }

 private:
  static constexpr index_t most = 15;  // tables that leave the nearest cache to what else is read

  /// The product for `width` registers of each row of X, from column j on. An index into the tables
  /// serves all of them, and their sums do not wait for each other.
  template <index_t width, class Lanes, class After>
  void strip(float* x, index_t j, index_t p, After after, float* partial) const {
    constexpr index_t lanes = lane_count<Lanes>, step = width * lanes;
    alignas(64) float table[most * 16 * step];
    const index_t groups = m_ / 4, parts = (groups + most - 1) / most;
    for (index_t part = 0; part < parts; ++part) {
      const index_t first = groups * part / parts, last = groups * (part + 1) / parts;
      for (index_t g = first; g < last; ++g) {
        OPENQUANT_UNROLL_REGISTERS
        for (index_t w = 0; w < width; ++w) {
          tabulate<Lanes, step>(x + 4 * g * p + j + w * lanes, p,
                                table + 16 * step * (g - first) + w * lanes);
        }
      }
      for (index_t i = 0; i < m_; i += 4) {
        const std::uint16_t* entry = entries_.data() + i * groups + 4 * first;
        Lanes sum[4 * width];
        OPENQUANT_UNROLL_REGISTERS
        for (index_t k = 0; k < 4 * width; ++k) {
          sum[k] = part == 0 ? Lanes(0.0f) : load<Lanes>(partial + i * step + k * lanes);
        }
        const float* at = table;
        for (index_t g = first; g < last; ++g, entry += 4, at += 16 * step) {
          OPENQUANT_UNROLL_REGISTERS
          for (index_t r = 0; r < 4; ++r) {
            const float* const sums = at + entry[r] / (32 / step);
            OPENQUANT_UNROLL_REGISTERS
            for (index_t w = 0; w < width; ++w) {
              sum[width * r + w] = sum[width * r + w] + load<Lanes>(sums + w * lanes);
            }
          }
        }
        if (part + 1 < parts) {
          OPENQUANT_UNROLL_REGISTERS
          for (index_t k = 0; k < 4 * width; ++k) store(sum[k], partial + i * step + k * lanes);
        } else {
          OPENQUANT_UNROLL_REGISTERS
          for (index_t k = 0; k < 4 * width; ++k) {
            const index_t to = (i + k / width) * p + j + k % width * lanes;
            store(after.times(sum[k], to), x + to);
          }
        }
      }
    }
  }

  /// The register at table + s * step is the sum over k of x_k, with a minus where bit k of s is
  /// set.
  template <class Lanes, index_t step>
  OPENQUANT_INLINE static void tabulate(const float* x, index_t p, float* table) {
    const Lanes a = load<Lanes>(x), b = load<Lanes>(x + p);
    const Lanes c = load<Lanes>(x + 2 * p), d = load<Lanes>(x + 3 * p);
    const Lanes left[4] = {a + b, b - a, a - b, -a - b}, sum = c + d, difference = c - d;
    OPENQUANT_UNROLL_REGISTERS
    for (index_t s = 0; s < 4; ++s) {
      store(left[s] + sum, table + s * step);
      store(left[s] - difference, table + (4 + s) * step);
      store(left[s] + difference, table + (8 + s) * step);
      store(left[s] - sum, table + (12 + s) * step);
    }
  }

  index_t m_ = 0;
  std::vector<std::uint16_t> entries_;  // (m / 4, m / 4, 4): the rows of H by fours, 32 s of each
};

}  // namespace openquant::linalg
