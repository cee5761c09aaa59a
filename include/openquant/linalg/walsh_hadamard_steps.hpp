// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstddef>
#include <utility>

#include <openquant/core/simd.hpp>

/// A pass of the Walsh-Hadamard transform over registers as a list of steps, each on one of them or
/// two, so that two passes can be written out in turns. A processor looks only some dozens of
/// operations ahead, and levels inside registers (shuffles, products with signs) keep other units
/// busy than levels among them (sums), or than reading and writing.
namespace openquant::linalg {

/// Steps from .. to - 1 of a list: an index known to the compiler selects its code, and is that of
/// a register.
template <index_t from, index_t to, class Steps>
OPENQUANT_INLINE void steps_between(const Steps& list) {
  if constexpr (to - from == 1) {
    list.template step<from>();
  } else if constexpr (to - from > 1) {
    steps_between<from, (from + to) / 2>(list);
    steps_between<(from + to) / 2, to>(list);
  }
}

template <class Steps>
OPENQUANT_INLINE void in_order(const Steps& list) {
  const auto run = [&]<std::size_t... i>(std::index_sequence<i...>) OPENQUANT_INLINE_LAMBDA {
    (list.template step<index_t{i}>(), ...);
  };
  run(std::make_index_sequence<static_cast<std::size_t>(Steps::steps)>{});
}

/// The steps of both lists, evenly mixed; the first one has some.
template <class First, class Second>
OPENQUANT_INLINE void in_turns(const First& first, const Second& second) {
  constexpr index_t m = First::steps, n = Second::steps;
  static_assert(m > 0);
  const auto run = [&]<std::size_t... i>(std::index_sequence<i...>) OPENQUANT_INLINE_LAMBDA {
    ((first.template step<index_t{i}>(),
      steps_between<index_t{i} * n / m, index_t{i + 1} * n / m>(second)),
     ...);
  };
  run(std::make_index_sequence<static_cast<std::size_t>(m)>{});
}

/// The steps of one, then those of the other.
template <class First, class Second>
struct one_after_other {
  static constexpr index_t steps = First::steps + Second::steps;
  First first;
  Second second;
  template <index_t i>
  OPENQUANT_INLINE void step() const {
    if constexpr (i < First::steps)
      first.template step<i>();
    else
      second.template step<i - First::steps>();
  }
};
template <class First, class Second>
one_after_other(First, Second) -> one_after_other<First, Second>;

/// r registers are loaded, the floats of each `stride` after those of the one before.
template <index_t r, class Lanes, class Before>
struct load_steps {
  static constexpr index_t steps = r;
  Lanes* v;
  const float* x;
  index_t stride;
  Before before;
  template <index_t k>
  OPENQUANT_INLINE void step() const {
    v[k] = before.times(load<Lanes>(x + k * stride), k * stride);
  }
};

/// r registers are transformed, each by itself: level by level, for then none waits for the one
/// before it.
template <index_t r, class Lanes>
struct inside_steps {
  static constexpr index_t lanes = lane_count<Lanes>;
  static constexpr index_t levels = std::bit_width(static_cast<unsigned>(lanes)) - 1;
  static constexpr index_t steps = r * levels;
  static_assert(lanes <= 16);
  Lanes* v;
  template <index_t i>
  OPENQUANT_INLINE void step() const {
    Lanes& u = v[i % r];
    u = butterfly<index_t{1} << i / r>(u);
  }
};

/// Levels among r registers, from `first_level` on; those of level 0 are neighbours. `fused`: the
/// differences by the units that also multiply, where those for sums have more to do.
template <index_t r, index_t levels, bool fused, class Lanes, index_t first_level = 0>
struct among_steps {
  static constexpr index_t pairs = r / 2, steps = pairs * levels;
  Lanes* v;
  template <index_t at>
  OPENQUANT_INLINE void step() const {
    constexpr index_t h = index_t{1} << (first_level + at / pairs), k = at % pairs;
    constexpr index_t i = k / h * 2 * h + k % h;
    const Lanes a = v[i], b = v[i + h];
    v[i] = a + b;
    v[i + h] = fused ? subtract_fused(a, b) : a - b;
  }
};

/// The last level among r registers, and their way back.
template <index_t r, bool fused, class Lanes, class After>
struct store_steps {
  static constexpr index_t steps = r / 2;
  const Lanes* v;
  float* x;
  index_t stride;
  After after;
  template <index_t k>
  OPENQUANT_INLINE void step() const {
    const index_t i = k * stride, j = i + steps * stride;
    const Lanes a = v[k], b = v[k + steps];
    store(after.times(a + b, i), x + i);
    store(after.times(fused ? subtract_fused(a, b) : a - b, j), x + j);
  }
};

}  // namespace openquant::linalg
