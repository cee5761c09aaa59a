// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <utility>

#include <openquant/core/simd.hpp>
#include <openquant/linalg/williamson_rows.hpp>
#include <openquant/linalg/williamson_terms.hpp>

namespace openquant::linalg {

/// The rows of a product with Williamson's matrix, of as many columns as lanes.
template <bool transposed, Lane Lanes>
class williamson_strip {
 public:
  static constexpr index_t order = 43, lanes = lane_count<Lanes>;

  explicit williamson_strip(const williamson_columns& of) : of_(of) {}

  /// u[.][a] <- block a of rows r, l places on, of the product with the u_j. By itself, so that it
  /// is compiled once for every After.
  template <std::size_t... r>
  OPENQUANT_NOINLINE void even(std::size_t l, Lanes (&u)[sizeof...(r)][4],
                               std::index_sequence<r...>) const {
    const places from = from_place<false>(l);
    Lanes sums[sizeof...(r)][12];
    add_places<false, r...>(from, sums);
    std::size_t n = 0;
    ((finish<false>(r, from, sums[n], u[n]), ++n), ...);
  }

  /// Rows r, l places on, of the result: the columns from `x` on, which are those of `after` from j
  /// on; rows are p floats apart.
  template <class After, std::size_t... r>
  void write(std::size_t l, const Lanes (&u)[sizeof...(r)][4], float* x, index_t p, index_t j,
             After after, std::index_sequence<r...>) const {
    const places from = from_place<true>(l);
    Lanes sums[sizeof...(r)][12];
    add_places<true, r...>(from, sums);
    const auto write_row = [&](std::size_t row, const Lanes(&sum)[12],
                               const Lanes(&even)[4]) OPENQUANT_INLINE_LAMBDA {
      Lanes v[4];
      finish<true>(row, from, sum, v);
      const auto i = static_cast<index_t>(williamson::coordinate(row, l));
      OPENQUANT_UNROLL_REGISTERS
      for (index_t a = 0; a < 4; ++a) {
        const index_t plus = (order * a + i) * p + j, minus = (order * (a + 1) - i) * p + j;
        store(after.times(even[a] + v[a], plus), x + plus);
        if (row != williamson::row_zero) store(after.times(even[a] - v[a], minus), x + minus);
      }
    };
    std::size_t n = 0;
    ((write_row(r, sums[n], u[n]), ++n), ...);
  }

 private:
  using places = std::array<const float*, 3>;

  template <bool odd>
  static constexpr williamson::half<transposed, odd> table{};

  static const float* place(const float* of, std::size_t i) {
    return of + static_cast<index_t>(i) * lanes;
  }
  template <bool odd>
  places from_place(std::size_t l) const {
    const float* const half = of_.half[odd];
    return {place(half, 4 * l), place(half, 4 * ((l + 1) % 3)), place(half, 4 * ((l + 2) % 3))};
  }

  /// The sums of rows r. In registers written out, so that the compiler knows the terms and has the
  /// sums in registers; one lane, for rows of few columns, is not worth the code.
  template <bool odd, std::size_t... r>
  OPENQUANT_INLINE void add_places(const places& from, Lanes (&sums)[sizeof...(r)][12]) const {
    const auto add_one = [&](std::size_t i) OPENQUANT_INLINE_LAMBDA {
      const std::size_t k = i / 4, c = i % 4;
      Lanes u = load<Lanes>(place(from[k % 3], k / 3 * 12 + c));
      compute_now(u);  // loaded once
      std::size_t n = 0;
      ((add<odd>(r, k, c, n % 2 == c % 2, u, sums[n]), ++n), ...);
    };
    if constexpr (lanes > 1) {
      OPENQUANT_UNROLL_TURNS(84)
      for (std::size_t i = 0; i < 84; ++i) add_one(i);
    } else {
      for (std::size_t i = 0; i < 84; ++i) add_one(i);
    }
  }

  /// Adds coordinate c of place k to the sums of row r that take it.
  template <bool odd>
  OPENQUANT_INLINE static void add(std::size_t r, std::size_t k, std::size_t c, bool fused, Lanes u,
                                   Lanes (&sums)[12]) {
    OPENQUANT_UNROLL_REGISTERS
    for (std::size_t t = 0; t < 2; ++t) {
      const williamson::term& term = table<odd>.to[r][k][c][t];
      if (term.sign == 0) continue;
      Lanes& sum = sums[term.number];
      if (term.first) {
        sum = u;
      } else if (fused) {  // half of them by the other units
        sum = term.sign < 0 ? subtract_fused(sum, u) : add_fused(sum, u);
      } else {
        sum = term.sign < 0 ? sum - u : sum + u;
      }
      compute_now(sum);
    }
  }

  /// y[a] <- what block a of row r takes of the sums, and what it takes by itself.
  template <bool odd>
  OPENQUANT_INLINE void finish(std::size_t r, const places& from, const Lanes (&sums)[12],
                               Lanes (&y)[4]) const {
    const std::size_t k = williamson::place_of_row(r);
    OPENQUANT_UNROLL_REGISTERS
    for (std::size_t a = 0; a < 4; ++a) {
      const williamson::term& own = table<odd>.own[r][a];
      const std::size_t at = k / 3 * 12 + own.number;
      const Lanes u = own.sign == 0 ? Lanes(0.0f) : load<Lanes>(place(from[k % 3], at));
      if constexpr (odd) {
        y[a] = own.sign < 0 ? -u : u;
      } else {
        const Lanes start = load<Lanes>(place(of_.start, williamson::start<transposed>[r][a]));
        y[a] = own.sign < 0 ? start - u : start + u;
      }
    }
    OPENQUANT_UNROLL_REGISTERS
    for (std::size_t q = 0; q < 6; ++q) {
      const signed char both = table<odd>.sign[r][2 * q], apart = table<odd>.sign[r][2 * q + 1];
      if (both == 0) continue;
      const Lanes sum = sums[2 * q] + sums[2 * q + 1];
      const Lanes difference = subtract_fused(sums[2 * q], sums[2 * q + 1]);
      Lanes& a = y[williamson::first_block[q]];
      Lanes& b = y[williamson::second_block[q]];
      const Lanes to_a = both == apart ? sum : difference, to_b = both == apart ? difference : sum;
      a = both < 0 ? a - to_a : a + to_a;
      b = both < 0 ? subtract_fused(b, to_b) : add_fused(b, to_b);
    }
  }

  williamson_columns of_;
};

/// The columns from `x` on of the product, which are those of `after` from j on.
template <bool transposed, Lane Lanes, class After>
void williamson_write(const williamson_columns& of, float* x, index_t p, index_t j,
                      const After& after) {
  const williamson_strip<transposed, Lanes> columns(of);
  const auto rows = [&]<std::size_t... r>(std::size_t l, std::index_sequence<r...> which) {
    Lanes u[sizeof...(r)][4];
    columns.even(l, u, which);
    columns.write(l, u, x, p, j, after, which);
  };
  const auto pair = [&]<std::size_t r, std::size_t s>(std::size_t l,
                                                      std::index_sequence<r, s> both) {
    if constexpr (lane_count<Lanes> == 16) {
      rows(l, both);
    } else {  // of sixteen registers one row takes most
      rows(l, std::index_sequence<r>{});
      rows(l, std::index_sequence<s>{});
    }
  };
  for (std::size_t l = 0; l < 3; ++l) {
    pair(l, std::index_sequence<0, 1>{});
    pair(l, std::index_sequence<2, 3>{});
    pair(l, std::index_sequence<4, 5>{});
  }
  pair(0, std::index_sequence<6, 7>{});
  pair(2, std::index_sequence<6, 8>{});
}

/// X <- After H X, or H^T X, in place, H Williamson's matrix of order 172. Coordinates +-i of a
/// block are put together of sums x_j + x_-j and differences (williamson_rows.hpp), and those of
/// two i at a time, for which 24 sums are in registers and each coordinate is loaded once.
///
/// Shapes:  X : (172, p), rows one after the other, p a multiple of the lanes; coordinate i p + j
///          of After belongs to X_ij
/// Cost:    27 additions a coordinate in registers; 0.7 KiB of stack a lane
/// Source:  Williamson, Duke Math. J. 11, 1944, for the product of the four signs
template <bool transposed, Lane Lanes, class After>
void williamson_product(float* x, index_t p, const After& after) {
  williamson_terms<transposed, Lanes, 1> terms;
  for (index_t j = 0; j < p; j += lane_count<Lanes>) {
    terms.read(x + j, p);
    williamson_write<transposed, Lanes>(terms.strip(0), x, p, j, after);
  }
}

/// The registers of a row that is transformed while a product with Williamson's matrix reads it:
/// those of x_j and x_-j and of the next two fit into AVX-512's.
inline constexpr index_t williamson_strips = 4;

/// The length of rows for which that is done; 0 for narrower lanes.
template <class Lanes>
inline constexpr index_t williamson_row = lane_count<Lanes> == 16 ? 16 * williamson_strips : 0;

/// X <- After (H x H_p) Before X, or with H^T x H_p, in place, H_p Sylvester's matrix: the bits of
/// `walsh_hadamard` for each row and `williamson_product`. What lies `distance` floats on is
/// fetched, where that is not 0.
///
/// Shapes:  X : (172, p), rows one after the other, p = williamson_strips lanes
/// Cost:    27 + log2 p additions a coordinate in registers; 2.8 KiB of stack a lane
template <bool transposed, Lane Lanes, class Before, class After>
void williamson_transform(float* x, const Before& before, const After& after, index_t distance) {
  constexpr index_t lanes = lane_count<Lanes>, p = williamson_strips * lanes;
  williamson_terms<transposed, Lanes, williamson_strips> terms;
  terms.transform(x, before, distance);
  for (index_t t = 0; t < williamson_strips; ++t) {
    williamson_write<transposed, Lanes>(terms.strip(t), x, p, t * lanes, after);
  }
}

}  // namespace openquant::linalg
