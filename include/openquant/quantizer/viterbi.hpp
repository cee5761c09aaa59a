// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <span>
#include <type_traits>
#include <utility>

#include <openquant/core/contract.hpp>
#include <openquant/core/lane16.hpp>
#include <openquant/core/matrix.hpp>

namespace openquant::quantizer {

/// The cheapest closed path of T steps through the bitshift trellis of 2^L states: from state s, a
/// symbol c of B bits leads to (s 2^B + c) mod 2^L, and step t through state s costs
/// (value[s] - x_t)^2. A path is closed where its symbols, read in a circle, give its states.
///
///   state s_t   | h (B bits) |      p = s_t mod 2^(L-B)      |      all s_t that share p have the
///   s_(t+1)     |      p = s_(t+1) / 2^B        | c (B bits) |      same 2^B successors
///
/// So of the 2^B states that share p one survives, found in 2^B - 1 matches of two; what is
/// remembered of a match is one bit.
///
/// Numbers: values and targets are 16-bit fixed point, a cost is the square over 2^15, rounded, and
///          sums of them are 16 bits wide, saturated, with the least subtracted when it has grown.
///          A sum of 2^16 - 1 stands for "at least this much" and stays.
/// Cost:    2^L differences, squares and sums a step; 2^L - 2^(L-B) comparisons
/// Memory:  2^(L+2) + T (1 - 2^-B) 2^(L-3) bytes
/// Source:  Tseng et al., "QTIP", arXiv 2406.11235, Sec. 3.1 and Alg. 4
template <int B, int L, index_t T>
class viterbi {
 public:
  static_assert(1 <= B && B < L && L <= 24 && T >= 2 && T * B >= L);
  static constexpr std::uint32_t states = std::uint32_t{1} << L;
  static constexpr std::uint32_t prefixes = states >> B, branches = states / prefixes;
  /// Steps after which a state has forgotten the one it came from.
  static constexpr index_t depth = (L + B - 1) / B;
  /// The first pass of `closed_path` looks this many steps to both sides of the seam, that is, at
  /// all of them: 8 depths to each side cost 0.6 to 1 % of the error at 2 to 4 bits.
  static constexpr index_t reach = T / 2;
  /// Steps between two looks at the least cost, and how large it must be to be subtracted.
  static constexpr index_t calm = 8;
  static constexpr std::uint16_t grown = 8192;

  /// What a search works in. Allocated here and used again; not to be shared by two threads.
  struct workspace {
    aligned_vector<std::uint16_t> cost = aligned_vector<std::uint16_t>(states);
    aligned_vector<std::uint16_t> next = aligned_vector<std::uint16_t>(states);
    /// Bit i of word (t, k, n - 1): how match n for prefix i of group k ended, at step t.
    aligned_vector<std::uint32_t> history = aligned_vector<std::uint32_t>(T * words);

    static constexpr index_t bytes() { return index_t{states} * 4 + T * index_t{words} * 4; }
  };

  /// A path that is closed. The first pass searches freely around the seam and so finds in which
  /// of the 2^(L-B) prefixes to cross it; the second searches all steps under that condition.
  template <class Lane>
  static void closed_path(const std::int16_t* value, std::span<const std::int16_t, T> x,
                          std::span<std::uint32_t, T> path, workspace& ws) {
    closed_path_through<Lane>(value, x, prefix_at_seam<Lane>(value, x, ws), path, ws);
  }

  /// Prefix of the state of step 0 on the cheapest path through the steps T - reach, ..., T - 1, 0,
  /// ..., reach - 1 whose ends are free.
  template <class Lane>
  static std::uint32_t prefix_at_seam(const std::int16_t* value, std::span<const std::int16_t, T> x,
                                      workspace& ws) {
    start<Lane>(value, x[static_cast<std::size_t>(T - reach)], ws);
    for (index_t t = 1; t < 2 * reach; ++t) {
      const std::int16_t target = x[static_cast<std::size_t>((T - reach + t) % T)];
      t <= reach ? step<Lane, false>(value, target, t, ws) : step<Lane, true>(value, target, t, ws);
      if (t % calm == 0) subtract_least<Lane>(ws);
    }
    std::uint32_t s = cheapest<Lane>(ws);
    for (index_t t = 2 * reach - 1; t > reach; --t) s = before(s, t, ws);
    return s >> B;
  }

  /// The cheapest path with s_0 / 2^B = prefix = s_(T-1) mod 2^(L-B).
  template <class Lane>
  static void closed_path_through(const std::int16_t* value, std::span<const std::int16_t, T> x,
                                  std::uint32_t prefix, std::span<std::uint32_t, T> path,
                                  workspace& ws) {
    OPENQUANT_EXPECTS(prefix < prefixes);
    start_from<Lane>(value, x[0], prefix, ws);
    for (index_t t = 1; t < T; ++t) {
      step<Lane, true>(value, x[static_cast<std::size_t>(t)], t, ws);
      // Until every state can be reached, a saturated sum is a lie that must stay far.
      if (t <= depth || t % calm == 0) subtract_least<Lane>(ws);
    }
    std::uint32_t s = cheapest_at(prefix, ws);
    for (index_t t = T - 1; t > 0; --t) {
      path[static_cast<std::size_t>(t)] = s;
      s = before(s, t, ws);
    }
    path[0] = s;
  }

  /// Cost of being at `value` when x is wanted.
  template <class Lane>
  OPENQUANT_INLINE static Lane branch_cost(Lane value, Lane x) {
    return signed_square(signed_difference(value, x));
  }

 private:
  static constexpr std::uint32_t group = std::min(prefixes, std::uint32_t{32});
  static constexpr index_t words =
      index_t{prefixes / group} * (branches - 1);  // of history, a step

  /// Registers wider than the trellis are of no use.
  template <class Lane>
  using fitting = std::conditional_t<(Lane::lanes <= group), Lane, plain16<1>>;

  /// Least of the costs of 2^Bits states `prefixes` apart. They meet in pairs, the winners of these
  /// in pairs, and so on; `won[n]` says in which lanes the second of node n won. Node 1 is the last
  /// match, the winners of nodes 2 n and 2 n + 1 meet in node n.
  template <class Lane, int Bits, bool Record>
  OPENQUANT_INLINE static Lane contest(const std::uint16_t* cost, typename Lane::mask* won,
                                       std::uint32_t n = 1) {
    if constexpr (Bits == 0) {
      return Lane::load(cost);
    } else {
      const Lane a = contest<Lane, Bits - 1, Record>(cost, won, 2 * n);
      const Lane b =
          contest<Lane, Bits - 1, Record>(cost + (prefixes << (Bits - 1)), won, 2 * n + 1);
      if constexpr (Record) won[n] = b <= a;
      return min(a, b);
    }
  }

  /// All states at the price of their first step.
  template <class Any>
  static void start(const std::int16_t* value, std::int16_t x, workspace& ws) {
    using Lane = fitting<Any>;
    const Lane target = Lane::fill(static_cast<std::uint16_t>(x));
    for (std::uint32_t s = 0; s < states; s += Lane::lanes) {
      store(branch_cost(Lane::load(value + s), target), ws.cost.data() + s);
    }
  }

  /// The states of one prefix, and no other.
  template <class Any>
  static void start_from(const std::int16_t* value, std::int16_t x, std::uint32_t prefix,
                         workspace& ws) {
    std::fill(ws.cost.begin(), ws.cost.end(), std::uint16_t{65535});
    using one = plain16<1>;
    for (std::uint32_t s = prefix << B; s < (prefix + 1) << B; ++s) {
      store(branch_cost(one::load(value + s), one::fill(static_cast<std::uint16_t>(x))),
            ws.cost.data() + s);
    }
  }

  /// Part n of the successors of `best`, then how match n ended for the prefixes i, i + 1, ... of
  /// the group. Stores that alternate are not merged, which g++ 12 does at a loss.
  template <bool Record, class Lane, int... n>
  OPENQUANT_INLINE static void spread(Lane best, const typename Lane::mask* won, Lane target,
                                      const std::int16_t* value, std::uint16_t* next,
                                      std::uint32_t i, std::uint32_t* history,
                                      std::integer_sequence<int, n...>) {
    const auto record = [&](std::uint32_t bits, std::uint32_t* word) {
      *word = i == 0 ? bits : *word | bits << i;
    };
    ((store(saturated_sum(branch_cost(Lane::load(value + n * Lane::lanes), target),
                          repeat<static_cast<int>(branches), n>(best)),
            next + n * Lane::lanes),
      Record && n > 0 ? record(to_bits(won[n]), history + n - 1) : void()),
     ...);
  }

  /// From the costs up to step t - 1 to those up to step t.
  template <class Any, bool Record>
  static void step(const std::int16_t* value, std::int16_t x, index_t t, workspace& ws) {
    using Lane = fitting<Any>;
    constexpr std::uint32_t lanes = Lane::lanes;
    const Lane target = Lane::fill(static_cast<std::uint16_t>(x));
    const std::uint16_t* cost = ws.cost.data();
    std::uint16_t* next = ws.next.data();
    std::uint32_t* history = ws.history.data() + t * words;
    for (std::uint32_t g = 0; g < prefixes; g += group) {
      for (std::uint32_t i = 0; i < group; i += lanes) {
        typename Lane::mask won[branches];
        const Lane best = contest<Lane, B, Record>(cost + g + i, won);
        const std::uint32_t first = (g + i) << B;
        spread<Record>(best, won, target, value + first, next + first, i, history,
                       std::make_integer_sequence<int, static_cast<int>(branches)>{});
      }
      history += branches - 1;
    }
    std::swap(ws.cost, ws.next);
  }

  /// The least cost of all states.
  template <class Any>
  static std::uint16_t least(const workspace& ws) {
    using Lane = fitting<Any>;
    const std::uint16_t* cost = ws.cost.data();
    Lane even = Lane::load(cost), odd = Lane::load(cost + Lane::lanes);
    for (std::uint32_t s = 2 * Lane::lanes; s < states; s += 2 * Lane::lanes) {
      even = min(even, Lane::load(cost + s));
      odd = min(odd, Lane::load(cost + s + Lane::lanes));
    }
    std::uint16_t lane[Lane::lanes];
    store(min(even, odd), lane);
    return *std::min_element(lane, lane + Lane::lanes);
  }

  /// Where the least cost has grown, subtracts it from all but those that saturate.
  template <class Any>
  static void subtract_least(workspace& ws) {
    using Lane = fitting<Any>;
    const std::uint16_t lowest = least<Any>(ws);
    if (lowest < grown) return;
    const Lane base = Lane::fill(lowest), top = Lane::fill(65535);
    for (std::uint32_t s = 0; s < states; s += Lane::lanes) {
      const Lane c = Lane::load(ws.cost.data() + s);
      store(select(top <= c, top, saturated_difference(c, base)), ws.cost.data() + s);
    }
  }

  /// The first of the cheapest states.
  template <class Any>
  static std::uint32_t cheapest(const workspace& ws) {
    using Lane = fitting<Any>;
    const Lane lowest = Lane::fill(least<Any>(ws));
    std::uint32_t s = 0, found;
    while ((found = to_bits(Lane::load(ws.cost.data() + s) <= lowest)) == 0) s += Lane::lanes;
    return s + static_cast<std::uint32_t>(std::countr_zero(found));
  }

  /// The first of the cheapest states that end with `prefix`.
  static std::uint32_t cheapest_at(std::uint32_t prefix, const workspace& ws) {
    std::uint32_t best = prefix;
    for (std::uint32_t s = prefix + prefixes; s < states; s += prefixes) {
      if (ws.cost[s] < ws.cost[best]) best = s;
    }
    return best;
  }

  /// The state before state s of step t.
  static std::uint32_t before(std::uint32_t s, index_t t, const workspace& ws) {
    const std::uint32_t p = s >> B;
    const std::uint32_t* word = ws.history.data() + t * words + p / group * (branches - 1);
    std::uint32_t n = 1;  // down the tree of matches, to the leaf of the winner
    while (n < branches) n = 2 * n + (word[n - 1] >> p % group & 1);
    return p + (n - branches) * prefixes;
  }
};

}  // namespace openquant::quantizer
