// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <openquant/core/simd.hpp>
#include <openquant/linalg/hadamard_matrix.hpp>

namespace openquant::linalg {

/// How row i of the four blocks of a product with Williamson's matrix of order 172, or with its
/// transpose, is put together of sums of coordinates i + d, modulo 43, of the four: entry [d][a]
/// for block a. Bit k says that the sign of coordinate k is not that of coordinate 0; bit 0 that
/// the whole is subtracted.
template <bool transposed>
inline constexpr auto williamson_terms = [] {
  constexpr auto rows = hadamard_orders::williamson_43();
  std::array<std::array<unsigned char, 4>, 43> terms{};
  for (std::size_t d = 0; d < 43; ++d) {
    for (std::size_t a = 0; a < 4; ++a) {
      unsigned bits = 0, first = 0;
      for (std::size_t b = 0; b < 4; ++b) {  // the blocks are symmetric
        const float entry =
            transposed ? williamson_entry(b, a, d, rows) : williamson_entry(a, b, d, rows);
        if (b == 0) bits = first = entry < 0;
        if (b > 0) bits |= ((entry < 0) ^ first) << b;
      }
      terms[d][a] = static_cast<unsigned char>(bits);
    }
  }
  return terms;
}();

/// As many columns as lanes of a product with Williamson's matrix.
template <bool transposed, Lane Lanes>
class williamson_strip {
 public:
  static constexpr index_t order = 43, lanes = lane_count<Lanes>;

  /// Reads the columns of X from `x` on; rows are p floats apart.
  void read(const float* x, index_t p) {
    for (index_t i = 0; i < order; ++i, x += p) {
      const Lanes a = load<Lanes>(x), b = load<Lanes>(x + order * p);
      const Lanes c = load<Lanes>(x + 2 * order * p), d = load<Lanes>(x + 3 * order * p);
      const Lanes left[2] = {a + b, a - b}, sum = c + d, difference = c - d;
      const Lanes all[8] = {left[0] + sum,        left[1] + sum,        left[0] - difference,
                            left[1] - difference, left[0] + difference, left[1] + difference,
                            left[0] - sum,        left[1] - sum};
      OPENQUANT_UNROLL_REGISTERS
      for (std::size_t k = 0; k < 4; ++k) {
        const unsigned at_0 = terms[0][k], other = terms[1][k] / 2;
        store(at_0 % 2 ? -all[at_0 / 2] : all[at_0 / 2], place(first_, i, k));
        store(all[other], place(sums_, i, other / 2));
      }
    }
  }

  /// y[r][a] <- row i + r of block a of the product. By itself, so that it is compiled once for
  /// every After.
  void sum(index_t i, Lanes (&y)[4][4]) const {
    if constexpr (lanes == 16) {  // sixteen sums are in registers
      sum_rows<0, 4>(i, y);
    } else {
      sum_rows<0, 2>(i, y);
      sum_rows<2, 2>(i, y);
    }
  }

 private:
  static constexpr const auto& terms = williamson_terms<transposed>;

  template <class T>
  static T* place(T* of, index_t i, std::size_t k) {
    return of + (4 * i + static_cast<index_t>(k)) * lanes;
  }

  /// Of the rows i + skip, ...; the order of the additions does not depend on their number.
  template <index_t skip, std::size_t rows>
  OPENQUANT_INLINE void sum_rows(index_t i, Lanes (&sums)[4][4]) const {
    Lanes y[rows][4];
    OPENQUANT_UNROLL_REGISTERS
    for (std::size_t r = 0; r < rows; ++r) {
      OPENQUANT_UNROLL_REGISTERS
      for (std::size_t a = 0; a < 4; ++a) {
        y[r][a] = load<Lanes>(place(first_, i + skip + static_cast<index_t>(r), a));
      }
    }
    if constexpr (lanes == 1) {  // for rows of few columns: not worth the code
      for (std::size_t k = 0; k < order; ++k) add<skip>(y, i, k);
    } else {
      [&]<std::size_t... k>(std::index_sequence<k...>) OPENQUANT_INLINE_LAMBDA {
        (add<skip>(y, i, k), ...);
      }
      (std::make_index_sequence<order>{});
    }
    OPENQUANT_UNROLL_REGISTERS
    for (std::size_t r = 0; r < rows; ++r) {
      OPENQUANT_UNROLL_REGISTERS
      for (std::size_t a = 0; a < 4; ++a) sums[skip + r][a] = y[r][a];
    }
  }

  /// The sums of coordinates i + k to every row that they are d > 0 away from.
  template <index_t skip, std::size_t rows>
  OPENQUANT_INLINE void add(Lanes (&y)[rows][4], index_t i, std::size_t k) const {
    const index_t at = i + static_cast<index_t>(k);
    const float* const from = place(sums_, at < order ? at : at - order, 0);
    Lanes z[4];
    OPENQUANT_UNROLL_REGISTERS
    for (index_t c = 0; c < 4; ++c) z[c] = load<Lanes>(from + c * lanes);
    OPENQUANT_UNROLL_REGISTERS
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t d = (k + order - skip - r) % order;
      if (d == 0) continue;
      OPENQUANT_UNROLL_REGISTERS
      for (std::size_t a = 0; a < 4; ++a) {
        const bool minus = terms[d][a] % 2 != 0;
        const Lanes by = z[terms[d][a] / 4];
        if (a % 2 == k % 2) {  // half of them by the other units, in turns
          y[r][a] = minus ? y[r][a] - by : y[r][a] + by;
        } else {
          y[r][a] = minus ? subtract_fused(y[r][a], by) : add_fused(y[r][a], by);
        }
        compute_now(y[r][a]);
      }
    }
  }

  alignas(64) float first_[4 * order * lanes];  // the terms of d = 0
  alignas(64) float sums_[4 * order * lanes];   // those that the other d take
};

/// X <- After H X, or H^T X, in place, H Williamson's matrix of order 172. Of the eight sums of
/// four coordinates, signs apart, four have an even number of minuses. The terms of d = 0 are of
/// one kind and all others of the other, since the product of the four signs is one for every d >
/// 0. So four coordinates of the result are sums of the same four numbers for each d, in another
/// order, which the compiler knows: they serve sixteen sums in registers.
///
/// Shapes:  X : (172, p), rows one after the other, p a multiple of the lanes; coordinate i p + j
/// of
///          After belongs to X_ij
/// Cost:    46 additions a coordinate in registers; 1.3 KiB of stack a lane
/// Source:  Williamson, Duke Math. J. 11, 1944, for the product of the four signs
template <bool transposed, Lane Lanes, class After>
void williamson_product(float* x, index_t p, const After& after) {
  using strip = williamson_strip<transposed, Lanes>;
  strip columns;
  for (index_t j = 0; j < p; j += strip::lanes) {
    columns.read(x + j, p);
    for (index_t i = 0; i < strip::order; i += 4) {
      const index_t from = std::min(i, strip::order - 4);  // the last four, one of them once more
      Lanes y[4][4];
      columns.sum(from, y);
      for (index_t r = 0; r < 4; ++r) {
        for (index_t a = 0; a < 4; ++a) {
          const index_t to = (strip::order * a + from + r) * p + j;
          store(after.times(y[r][a], to), x + to);
        }
      }
    }
  }
}

}  // namespace openquant::linalg
