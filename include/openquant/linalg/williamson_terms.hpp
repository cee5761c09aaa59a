// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstddef>

#include <openquant/core/prefetch.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/linalg/diagonal.hpp>
#include <openquant/linalg/walsh_hadamard_steps.hpp>
#include <openquant/linalg/williamson_rows.hpp>

namespace openquant::linalg {

/// What a product with Williamson's matrix takes of as many columns as lanes: the u_j and v_j of
/// the four blocks by place, and what x_0 gives, by williamson::start.
struct williamson_columns {
  const float* half[2];
  const float* start;
};

/// The terms of `strips` times as many columns of X, (172, p), as lanes.
template <bool transposed, Lane Lanes, index_t strips>
class williamson_terms {
 public:
  static constexpr index_t order = 43, lanes = lane_count<Lanes>, terms = 84;

  williamson_columns strip(index_t t) const { return {{half(0, t), half(1, t)}, start_[t]}; }

  /// Reads the columns from `x` on; rows are p floats apart.
  void read(const float* x, index_t p) requires(strips == 1) {
    Lanes zero[4];
    for (index_t c = 0; c < 4; ++c) zero[c] = load<Lanes>(x + c * order * p);
    begin(zero, start_[0]);
    for (index_t k = 0; k < terms / 4; ++k) {
      const index_t j = williamson::places[static_cast<std::size_t>(k)];
      OPENQUANT_UNROLL_REGISTERS
      for (index_t c = 0; c < 4; ++c) {
        const float* const from = x + c * order * p;
        const Lanes a = load<Lanes>(from + j * p), b = load<Lanes>(from + (order - j) * p);
        store(a + b, half(0, 0) + (4 * k + c) * lanes);
        store(a - b, half(1, 0) + (4 * k + c) * lanes);
      }
    }
  }

  /// Reads all of X, of rows of as many registers as strips, and transforms each row by Sylvester's
  /// matrix on the way: those of x_j and x_-j at a time, whose last level are u_j and v_j. What
  /// lies `distance` floats on is fetched, where that is not 0.
  template <class Before>
  void transform(const float* x, Before before, index_t distance) {
    constexpr index_t p = strips * lanes, levels = std::bit_width(unsigned{strips}) - 1;
    const auto load_row = [&](Lanes* v, index_t row) OPENQUANT_INLINE_LAMBDA {
      if (distance != 0) prefetch(x + row * p + distance, p);
      return load_steps<strips, Lanes, Before>{v, x + row * p, lanes, before.from(row * p)};
    };
    Lanes zero[strips][4];
    for (index_t c = 0; c < 4; ++c) {
      Lanes v[strips];
      in_order(load_row(v, c * order));
      in_order(inside_steps<strips, Lanes>{v});
      in_order(among_steps<strips, levels, false, Lanes>{v});
      for (index_t t = 0; t < strips; ++t) zero[t][c] = v[t];
    }
    for (index_t t = 0; t < strips; ++t) begin(zero[t], start_[t]);

    Lanes v[2 * strips], next[2 * strips];
    const auto enter = [&](index_t i) OPENQUANT_INLINE_LAMBDA {
      const index_t j = williamson::places[static_cast<std::size_t>(i / 4)],
                    zero_row = i % 4 * order;
      return one_after_other{one_after_other{load_row(next, zero_row + j),
                                             load_row(next + strips, zero_row + order - j)},
                             inside_steps<2 * strips, Lanes>{next}};
    };
    const auto keep = [&]() OPENQUANT_INLINE_LAMBDA {
      OPENQUANT_UNROLL_REGISTERS
      for (index_t k = 0; k < 2 * strips; ++k) v[k] = next[k];
    };
    const auto leave = [&](index_t i) OPENQUANT_INLINE_LAMBDA {
      return one_after_other{
          among_steps<2 * strips, levels, true, Lanes>{v},
          store_steps<2 * strips, false, Lanes, unscaled>{v, half_ + i * lanes, terms * lanes, {}}};
    };
    in_order(enter(0));
    for (index_t i = 1; i < terms; ++i) {
      keep();
      in_turns(enter(i), leave(i - 1));
    }
    keep();
    in_order(leave(terms - 1));
  }

 private:
  const float* half(index_t odd, index_t t) const {
    return half_ + (odd * strips + t) * terms * lanes;
  }
  float* half(index_t odd, index_t t) { return half_ + (odd * strips + t) * terms * lanes; }

  static void begin(const Lanes (&zero)[4], float* start) {
    const Lanes left[2] = {zero[0] + zero[1], zero[0] - zero[1]};
    const Lanes sum = zero[2] + zero[3], difference = zero[2] - zero[3];
    constexpr bool odd = williamson::odd_minuses<transposed>;
    for (index_t n = 0; n < 4; ++n) {
      const Lanes right = (n % 2 == 1) != odd ? difference : sum;
      const Lanes four = n < 2 ? left[n] + right : left[n - 2] - right;
      store(four, start + n * lanes);
      store(-four, start + (n + 4) * lanes);
    }
    for (std::size_t a = 0; a < 4; ++a) {
      Lanes four(0.0f);
      for (std::size_t c = 0; c < 4; ++c) {
        four = mul_add(Lanes(williamson::entry<transposed>(a, c, 0)), zero[c], four);
      }
      store(four, start + (8 + static_cast<index_t>(a)) * lanes);
    }
  }

  alignas(64) float half_[2 * strips * terms * lanes];  // u_j of the strips, then v_j
  alignas(64) float start_[strips][12 * lanes];
};

}  // namespace openquant::linalg
