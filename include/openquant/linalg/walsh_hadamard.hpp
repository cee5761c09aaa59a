// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <openquant/core/matrix.hpp>
#include <openquant/core/prefetch.hpp>
#include <openquant/core/simd.hpp>

namespace openquant::linalg {

/// What the coordinates of a row are multiplied by on their way in or out of a transform:
/// nothing, one number, or a diagonal of numbers (signs, and their scale).
struct unscaled {
  unscaled from(index_t) const { return {}; }
  template <class T>
  T times(T x, index_t) const {
    return x;
  }
};
struct scaled {
  float by;
  scaled from(index_t) const { return *this; }
  template <class T>
  T times(T x, index_t) const {
    return x * T(by);
  }
};
struct diagonal {
  const float* d;
  diagonal from(index_t i) const { return {d + i}; }  ///< of the row that begins at i
  template <class T>
  T times(T x, index_t i) const {
    return x * load<T>(d + i);
  }
};

/// Signs, as bits: coordinate i changes its sign where bit i is set.
struct signs {
  const std::uint8_t* bits;
  index_t first = 0;  ///< below 8; 0 for registers of eight lanes and more
  signs from(index_t i) const { return {bits + ((first + i) >> 3), (first + i) & 7}; }
  template <class T>
  T times(T x, index_t i) const {
    return change_sign_by_bit(x, bits, lane_count<T> < 8 ? first + i : i);
  }
};
/// The same, times one number.
struct scaled_signs {
  signs sign;
  float by;
  scaled_signs from(index_t i) const { return {sign.from(i), by}; }
  template <class T>
  T times(T x, index_t i) const {
    return sign.times(x * T(by), i);
  }
};

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

/// The registers of a pass: some are left for constants.
template <class Lanes>
inline constexpr index_t walsh_hadamard_radix = lane_count<Lanes> == 16 ? 16 : 8;

/// One pass of the transform: r registers from x + at on, `stride` floats apart, are loaded,
/// transformed among each other and stored. The first pass also transforms each register inside.
template <index_t r, bool first, class Lanes, class Before, class After>
OPENQUANT_INLINE void walsh_hadamard_pass(float* x, index_t at, index_t stride, Before before,
                                          After after) {
  constexpr index_t lanes = lane_count<Lanes>;
  x += at;
  const Before in = before.from(at);
  const After out = after.from(at);
  Lanes v[r];
  OPENQUANT_UNROLL_REGISTERS
  for (index_t k = 0; k < r; ++k) v[k] = in.times(load<Lanes>(x + k * stride), k * stride);
  if constexpr (first) {  // level by level: no register waits for the one before it
    const auto level = [&]<index_t h>(std::integral_constant<index_t, h>) OPENQUANT_INLINE_LAMBDA {
      OPENQUANT_UNROLL_REGISTERS
      for (index_t k = 0; k < r; ++k) v[k] = butterfly<h>(v[k]);
    };
    if constexpr (lanes > 1) level(std::integral_constant<index_t, 1>{});
    if constexpr (lanes > 2) level(std::integral_constant<index_t, 2>{});
    if constexpr (lanes > 4) level(std::integral_constant<index_t, 4>{});
    if constexpr (lanes > 8) level(std::integral_constant<index_t, 8>{});
    static_assert(lanes <= 16);
  }
  OPENQUANT_UNROLL_REGISTERS
  for (index_t h = 1; h < r; h *= 2) {
    OPENQUANT_UNROLL_REGISTERS
    for (index_t k = 0; k < r / 2; ++k) {
      const index_t i = k / h * 2 * h + k % h;
      const Lanes a = v[i], b = v[i + h];
      v[i] = a + b;
      v[i + h] = (first ? r > 4 : h == 1) ? subtract_fused(a, b) : a - b;
    }
  }
  OPENQUANT_UNROLL_REGISTERS
  for (index_t k = 0; k < r; ++k) {
    const index_t i = k * stride;
    store(out.times(v[k], i), x + i);
  }
}

/// Which rows are so near a later one, `distance` floats on, that it is fetched while they are
/// transformed: the first `rows`.
struct fetch_ahead {
  index_t rows = 0, distance = 0;
};

/// Rows on by the time that memory takes to answer; later rows have nothing to fetch.
inline fetch_ahead fetch_rows_of(const matrix_view<float>& x) {
  const index_t on = std::max(index_t{1}, 4096 / x.cols());
  return {std::max(index_t{0}, x.rows() - on), on * x.stride()};
}

/// The rows of X in two passes each, n = r radix lanes. The second pass of a row waits for all of
/// its first; in turns with it goes the first pass of the next row, which waits for nothing.
template <index_t r, class Lanes, class Before, class After>
void walsh_hadamard_two_passes(const matrix_view<float>& x, Before before, After after,
                               index_t advance, fetch_ahead ahead) {
  constexpr index_t lanes = lane_count<Lanes>, radix = walsh_hadamard_radix<Lanes>;
  // A first pass of half the registers: a second one of few would mostly load and store.
  constexpr index_t second = r < radix ? 2 * r : r, first = radix * r / second;
  constexpr index_t part = first * lanes, turns = std::min(first, second);
  float* row = x.data();
  for (index_t i = 0; i <= x.rows(); ++i) {
    float* const last = row;  // row i - 1, but for the first
    if (0 < i && i < x.rows()) row += x.stride();
    const Before in = before.from(i * advance);
    const After out = after.from(std::max(index_t{0}, i - 1) * advance);
    for (index_t turn = 0; turn < turns; ++turn) {
      if (i < x.rows()) {
        for (index_t k = 0; k < second / turns; ++k) {
          const index_t at = (turn * (second / turns) + k) * part;
          if (i < ahead.rows) prefetch(row + ahead.distance + at, part);
          walsh_hadamard_pass<first, true, Lanes>(row, at, lanes, in, unscaled{});
        }
      }
      if (i > 0) {
        for (index_t k = 0; k < first / turns; ++k) {
          const index_t at = (turn * (first / turns) + k) * lanes;
          walsh_hadamard_pass<second, false, Lanes>(last, at, part, unscaled{}, out);
        }
      }
    }
  }
}

/// The last pass over a row in r parts of h floats, each of which is transformed.
template <index_t r, class Lanes, class After>
void walsh_hadamard_over_parts(float* row, index_t h, After after) {
  for (index_t j = 0; j < h; j += lane_count<Lanes>) {
    walsh_hadamard_pass<r, false, Lanes>(row, j, h, unscaled{}, after);
  }
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
        walsh_hadamard_over_parts<2, Lanes>(row, h, out);
        break;
      case 4:
        walsh_hadamard_over_parts<4, Lanes>(row, h, out);
        break;
      case 8:
        walsh_hadamard_over_parts<8, Lanes>(row, h, out);
        break;
      default:
        walsh_hadamard_over_parts<radix, Lanes>(row, h, out);
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
  const auto each_row = [&](auto transform) {
    for (index_t i = 0; i < x.rows(); ++i) {
      float* const row = x.data() + i * x.stride();
      transform(row, i < ahead.rows, before.from(i * advance), after.from(i * advance));
    }
  };
  const auto one_pass = [&]<index_t r>(std::integral_constant<index_t, r>) {
    each_row([&](float* row, bool fetch, Before in, After out) OPENQUANT_INLINE_LAMBDA {
      if (fetch) prefetch(row + ahead.distance, r * lanes);
      walsh_hadamard_pass<r, true, Lanes>(row, 0, lanes, in, out);
    });
  };
  if (n < lanes) {
    return each_row([&](float* row, bool, Before in, After out) {
      walsh_hadamard_scalar({row, static_cast<std::size_t>(n)}, in, out);
    });
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
