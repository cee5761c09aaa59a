// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>

#include <openquant/core/matrix.hpp>
#include <openquant/core/prefetch.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/linalg/diagonal.hpp>
#include <openquant/linalg/walsh_hadamard_steps.hpp>

namespace openquant::linalg {

/// The registers of a pass: some are left for constants.
template <class Lanes>
inline constexpr index_t walsh_hadamard_radix = lane_count<Lanes> == 16 ? 16 : 8;

/// Whether passes are written out in turns: AVX-512 has registers enough for two of them.
template <class Lanes>
inline constexpr bool walsh_hadamard_turns = lane_count<Lanes> == 16;

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

/// The levels among r registers before the last.
template <index_t r>
inline constexpr index_t levels_to_last =
    r < 2 ? 0 : static_cast<index_t>(std::bit_width(static_cast<unsigned>(r))) - 2;

/// r registers are loaded, `stride` floats apart, and transformed among each other but for the last
/// level, which store_steps do.
template <index_t r, bool fused, class Lanes>
OPENQUANT_INLINE auto walsh_hadamard_load_over(Lanes* v, const float* x, index_t stride) {
  return one_after_other{load_steps<r, Lanes, unscaled>{v, x, stride, {}},
                         among_steps<r, levels_to_last<r>, fused, Lanes>{v}};
}

/// The last level among r registers, and then their way back, in the order of memory.
template <index_t r, class Lanes, class After>
OPENQUANT_INLINE void walsh_hadamard_store(Lanes (&v)[r], float* x, index_t stride, After after) {
  in_order(among_steps<r, 1, false, Lanes, levels_to_last<r>>{v});
  OPENQUANT_UNROLL_REGISTERS
  for (index_t k = 0; k < r; ++k) store(after.times(v[k], k * stride), x + k * stride);
}

/// The pass over a row in r parts of h floats, each of which is transformed: of the floats from j
/// on of each, as many as lanes.
template <index_t r, class Lanes, class After>
OPENQUANT_INLINE void walsh_hadamard_over_parts(float* row, index_t h, index_t j, After after) {
  Lanes v[r];
  in_order(walsh_hadamard_load_over<r, true>(v, row + j, h));
  walsh_hadamard_store(v, row + j, h, after.from(j));
}

/// The same over all of the row.
template <index_t r, class Lanes, class After>
void walsh_hadamard_over_row(float* row, index_t h, After after) {
  for (index_t j = 0; j < h; j += lane_count<Lanes>) {
    walsh_hadamard_over_parts<r, Lanes>(row, h, j, after);
  }
}

/// The transform of r registers, one after the other in memory.
template <index_t r, class Lanes, class Before, class After>
OPENQUANT_INLINE void walsh_hadamard_part(float* x, Before before, After after) {
  constexpr index_t lanes = lane_count<Lanes>;
  Lanes v[r];
  in_order(load_steps<r, Lanes, Before>{v, x, lanes, before});
  in_order(inside_steps<r, Lanes>{v});
  in_order(among_steps<r, levels_to_last<r>, false, Lanes>{v});
  walsh_hadamard_store(v, x, lanes, after);
}

/// The rows of X, of r registers, in one pass each. With `turns` what enters registers is
/// transformed inside them in turns with the sums and differences of the row before; rows of
/// `radix` registers enter by halves, for those of two rows do not fit.
template <index_t r, class Lanes, bool turns = walsh_hadamard_turns<Lanes>, class Before,
          class After>
void walsh_hadamard_one_pass(const matrix_view<float>& x, Before before, After after,
                             index_t advance, fetch_ahead ahead) {
  constexpr index_t lanes = lane_count<Lanes>, half = r / 2;
  const index_t rows = x.rows();
  if (rows == 0) return;
  const auto row = [&](index_t i) OPENQUANT_INLINE_LAMBDA { return x.data() + i * x.stride(); };
  const auto fetch = [&](index_t i)
                         OPENQUANT_INLINE_LAMBDA { prefetch(row(i) + ahead.distance, r * lanes); };
  if constexpr (r < 4 || !turns) {
    const auto transform = [&](index_t i) OPENQUANT_INLINE_LAMBDA {
      walsh_hadamard_part<r, Lanes>(row(i), before.from(i * advance), after.from(i * advance));
    };
    index_t i = 0;
    for (; i < std::min(ahead.rows, rows); ++i) {
      fetch(i);
      transform(i);
    }
    for (; i < rows; ++i) transform(i);
  } else {
    constexpr index_t front = r < walsh_hadamard_radix<Lanes> ? r : half, rest = r - front;
    constexpr index_t levels = levels_to_last<r>;  // each half takes them by itself
    Lanes v[r], next[front];
    const auto enter = [&](index_t i) OPENQUANT_INLINE_LAMBDA {
      if (i < ahead.rows) fetch(i);
      return one_after_other{
          load_steps<front, Lanes, Before>{next, row(i), lanes, before.from(i * advance)},
          inside_steps<front, Lanes>{next}};
    };
    const auto keep = [&](index_t i) OPENQUANT_INLINE_LAMBDA {
      OPENQUANT_UNROLL_REGISTERS
      for (index_t k = 0; k < front; ++k) v[k] = next[k];
      if constexpr (rest > 0) {
        const index_t at = front * lanes;
        in_turns(one_after_other{load_steps<rest, Lanes, Before>{v + front, row(i) + at, lanes,
                                                                 before.from(i * advance + at)},
                                 inside_steps<rest, Lanes>{v + front}},
                 among_steps<front, levels, false, Lanes>{v});
      }
    };
    const auto leave = [&](index_t i) OPENQUANT_INLINE_LAMBDA {
      constexpr index_t from = rest > 0 ? half : 0;
      return one_after_other{
          among_steps<r - from, levels, true, Lanes>{v + from},
          store_steps<r, false, Lanes, After>{v, row(i), lanes, after.from(i * advance)}};
    };
    in_order(enter(0));
    for (index_t i = 0;;) {
      keep(i);
      if (++i == rows) break;
      in_turns(enter(i), leave(i - 1));
    }
    in_order(leave(rows - 1));
  }
}

/// The rows of X in two passes each, n = r radix lanes: one inside parts, one over them. The second
/// pass of a row waits for all of its first; in turns with it goes the first pass of the next row,
/// which waits for nothing: part by part, and with `turns` step by step.
template <index_t r, class Lanes, bool turns = walsh_hadamard_turns<Lanes>, class Before,
          class After>
void walsh_hadamard_two_passes(const matrix_view<float>& x, Before before, After after,
                               index_t advance, fetch_ahead ahead) {
  constexpr index_t lanes = lane_count<Lanes>, registers = r * walsh_hadamard_radix<Lanes>;
  // As many registers in the first pass as in the second one, or twice as many.
  constexpr index_t log = std::bit_width(static_cast<unsigned>(registers)) - 1;
  constexpr index_t second = index_t{1} << log / 2, first = registers / second;
  constexpr index_t half = first / 2, part = first * lanes, step = first / second * lanes;
  const index_t rows = x.rows();
  if (rows == 0) return;
  float* row = x.data();
  walsh_hadamard_one_pass<first, Lanes, turns>(matrix_view<float>(row, second, part), before,
                                               unscaled{}, part,
                                               {ahead.rows > 0 ? second : 0, ahead.distance});
  for (index_t i = 1; i < rows; ++i) {
    float* const last = row;
    row += x.stride();
    const Before in = before.from(i * advance);
    const After out = after.from((i - 1) * advance);
    for (index_t turn = 0; turn < second; ++turn) {
      const index_t at = turn * part, j = turn * step;
      if (i < ahead.rows) prefetch(row + ahead.distance + at, part);
      if constexpr (!turns) {
        walsh_hadamard_part<first, Lanes>(row + at, in.from(at), unscaled{});
        for (index_t k = j; k < j + step; k += lanes) {
          walsh_hadamard_over_parts<second, Lanes>(last, part, k, out);
        }
      } else {
        Lanes v[first], u[second];
        const auto enter = [&](index_t k) OPENQUANT_INLINE_LAMBDA {
          const index_t from = at + k * lanes;
          return one_after_other{
              load_steps<half, Lanes, Before>{v + k, row + from, lanes, in.from(from)},
              inside_steps<half, Lanes>{v + k}};
        };
        const auto load_last = [&](index_t k) OPENQUANT_INLINE_LAMBDA {
          return walsh_hadamard_load_over<second, false>(u, last + k, part);
        };
        const auto store_last = [&](index_t k) OPENQUANT_INLINE_LAMBDA {
          return store_steps<second, false, Lanes, After>{u, last + k, part, out.from(k)};
        };
        const among_steps<half, levels_to_last<first>, false, Lanes> front{v};
        if constexpr (first == second) {
          in_turns(enter(0), load_last(j));
          in_turns(enter(half), one_after_other{store_last(j), front});
        } else {
          in_turns(enter(0), one_after_other{load_last(j), store_last(j)});
          in_turns(enter(half), one_after_other{one_after_other{front, load_last(j + lanes)},
                                                store_last(j + lanes)});
        }
        // Little goes beside these but stores: half of them by the other units.
        in_order(among_steps<half, levels_to_last<first>, true, Lanes>{v + half});
        in_order(store_steps<first, true, Lanes, unscaled>{v, row + at, lanes, {}});
      }
    }
  }
  walsh_hadamard_over_row<second, Lanes>(row, part, after.from((rows - 1) * advance));
}

}  // namespace openquant::linalg
