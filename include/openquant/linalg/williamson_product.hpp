// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <utility>

#include <openquant/core/simd.hpp>
#include <openquant/linalg/williamson_rows.hpp>

namespace openquant::linalg {

/// As many columns as lanes of a product with Williamson's matrix.
template <bool transposed, Lane Lanes>
class williamson_strip {
 public:
  static constexpr index_t order = 43, lanes = lane_count<Lanes>;

  /// Reads the columns of X from `x` on; rows are p floats apart.
  void read(const float* x, index_t p) {
    Lanes zero[4];
    for (index_t c = 0; c < 4; ++c) zero[c] = load<Lanes>(x + c * order * p);
    for (std::size_t k = 0; k < 21; ++k) {
      const index_t j = williamson::places[k];
      OPENQUANT_UNROLL_REGISTERS
      for (std::size_t c = 0; c < 4; ++c) {
        const float* const from = x + static_cast<index_t>(c) * order * p;
        const Lanes a = load<Lanes>(from + j * p), b = load<Lanes>(from + (order - j) * p);
        store(a + b, place(half_[0], 4 * k + c));
        store(a - b, place(half_[1], 4 * k + c));
      }
    }
    const Lanes left[2] = {zero[0] + zero[1], zero[0] - zero[1]};
    const Lanes sum = zero[2] + zero[3], difference = zero[2] - zero[3];
    constexpr bool odd = williamson::odd_minuses<transposed>;
    for (std::size_t n = 0; n < 4; ++n) {
      const Lanes right = (n % 2 == 1) != odd ? difference : sum;
      const Lanes start = n < 2 ? left[n] + right : left[n - 2] - right;
      store(start, place(start_, n));
      store(-start, place(start_, n + 4));
    }
    for (std::size_t a = 0; a < 4; ++a) {
      Lanes start(0.0f);
      for (std::size_t c = 0; c < 4; ++c) {
        start = mul_add(Lanes(williamson::entry<transposed>(a, c, 0)), zero[c], start);
      }
      store(start, place(start_, 8 + a));
    }
  }

  /// y[.][a] <- block a of rows r, l places on, of the product with the u_j, or the v_j. By itself,
  /// so that it is compiled once for every After.
  template <bool odd, std::size_t... r>
  void sum(std::size_t l, Lanes (&y)[sizeof...(r)][4]) const {
    if constexpr (lanes > 1)
      sum_registers<odd, r...>(l, y);
    else
      (sum_numbers<odd>(r, l, y[0]), ...);
  }

 private:
  using places = std::array<const float*, 3>;

  template <bool odd>
  static constexpr williamson::half<transposed, odd> table{};

  template <class T>
  static T* place(T* of, std::size_t i) {
    return of + static_cast<index_t>(i) * lanes;
  }
  template <bool odd>
  places from_place(std::size_t l) const {
    const float* const half = half_[odd];
    return {place(half, 4 * l), place(half, 4 * ((l + 1) % 3)), place(half, 4 * ((l + 2) % 3))};
  }

  /// Written out, so that the compiler knows the terms and has the sums in registers.
  template <bool odd, std::size_t... r>
  void sum_registers(std::size_t l, Lanes (&y)[sizeof...(r)][4]) const {
    const places from = from_place<odd>(l);
    Lanes sums[sizeof...(r)][12];
    OPENQUANT_UNROLL_TURNS(84)
    for (std::size_t i = 0; i < 84; ++i) {
      const std::size_t k = i / 4, c = i % 4;
      Lanes u = load<Lanes>(place(from[k % 3], k / 3 * 12 + c));
      compute_now(u);  // loaded once
      std::size_t n = 0;
      ((add<odd>(r, k, c, n % 2 == c % 2, u, sums[n]), ++n), ...);
    }
    std::size_t n = 0;
    ((finish<odd>(r, from, sums[n], y[n]), ++n), ...);
  }
  /// Of one lane, for rows of few columns, which are not worth the code.
  template <bool odd>
  void sum_numbers(std::size_t r, std::size_t l, Lanes (&y)[4]) const {
    const places from = from_place<odd>(l);
    Lanes sums[12];
    for (std::size_t k = 0; k < 21; ++k) {
      for (std::size_t c = 0; c < 4; ++c)
        add<odd>(r, k, c, false, from[k % 3][k / 3 * 12 + c], sums);
    }
    finish<odd>(r, from, sums, y);
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
        const Lanes start = load<Lanes>(place(start_, williamson::start<transposed>[r][a]));
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

  alignas(64) float half_[2][84 * lanes];  // u_j and v_j of the four blocks, by place
  alignas(64) float start_[12 * lanes];    // what x_0 gives, by williamson::start
};

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
  using strip = williamson_strip<transposed, Lanes>;
  strip columns;
  for (index_t j = 0; j < p; j += strip::lanes) {
    columns.read(x + j, p);
    const auto write = [&](std::size_t r, std::size_t l, const Lanes(&u)[4], const Lanes(&v)[4]) {
      const auto i = static_cast<index_t>(williamson::coordinate(r, l));
      for (index_t a = 0; a < 4; ++a) {
        const index_t plus = (strip::order * a + i) * p + j;
        const index_t minus = (strip::order * (a + 1) - i) * p + j;
        store(after.times(u[a] + v[a], plus), x + plus);
        if (i > 0) store(after.times(u[a] - v[a], minus), x + minus);
      }
    };
    const auto rows = [&]<std::size_t... r>(std::size_t l, std::index_sequence<r...>) {
      Lanes u[sizeof...(r)][4], v[sizeof...(r)][4];
      columns.template sum<false, r...>(l, u);
      columns.template sum<true, r...>(l, v);
      std::size_t n = 0;
      ((write(r, l, u[n], v[n]), ++n), ...);
    };
    const auto pair = [&]<std::size_t r, std::size_t s>(std::size_t l, std::index_sequence<r, s>) {
      if constexpr (strip::lanes == 16) {
        rows(l, std::index_sequence<r, s>{});
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
}

}  // namespace openquant::linalg
