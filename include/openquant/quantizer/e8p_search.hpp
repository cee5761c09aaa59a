// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>
#include <openquant/quantizer/e8p_choice.hpp>
#include <openquant/quantizer/placed_magnitude.hpp>

namespace openquant::quantizer {

/// The point of E8P nearest to u, and one of the next. |u_i| is at most 1e36.
///
/// With y = u - shift and the signs of y, half of |y|^2 - |y - v|^2 is, for a pattern a of
/// magnitudes,
///
///   sum_i |y_i| / 2 + sum_i (a_i - 1/2) |y_i| - |a|^2 / 2
///
/// and a wrong parity takes away 2 min_i a_i |y_i|. Among the arrangements of the same values the
/// best puts the larger on the larger |y_i|, so partial sums of the sorted |y_i| serve all 227
/// patterns that have all arrangements; the 29 others are tried, by sums of two neighbours and of
/// two that are two apart. A wrong parity costs the least |y_i|: where a_i is not 1/2 there, one
/// less in its place mends the parity and is better by 1 or more. So patterns with an even and an
/// odd number of 3/2 are compared among themselves first. The |y_i| know their places, so that the
/// sorted ones say where they were; which of the 29 is the best, is left to be found once that is
/// asked (`e8p_choice`).
///
/// Cost:    about 210 lane operations for each of the two shifts; the runner-up, if it is used, 25
/// Source:  Tseng et al., "QuIP#", arXiv 2402.04396, Sec. 4.2 (E8P); search by sorted pairing as in
///          Adoul & Barth, "Nearest neighbor algorithm for spherical codes from the Leech lattice",
///          IEEE Trans. Inf. Theory 34(5), 1988
template <class T>
class e8p_search {
 public:
  OPENQUANT_INLINE OPENQUANT_HD explicit e8p_search(const vec<T, 8>& u) : u_(u) {
    T sum = T(0.0f);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 8; ++i) sum = sum + u[i];
    const pair down = best_patterns(u, sum, T(-0.25f)), up = best_patterns(u, sum, T(0.25f));
    const auto lower = down.first.distance < up.first.distance;
    const found better = chosen(lower, down.first, up.first),
                worse = chosen(lower, up.first, down.first);
    const found same = chosen(lower, down.second, up.second);
    first_ = better;
    second_ = chosen(same.distance < worse.distance, same, worse);
  }

  /// But for 2^-20 of the |u_i - shift|.
  OPENQUANT_INLINE OPENQUANT_HD e8p_choice<T> nearest() const { return choice(first_); }
  /// Of another shift or parity of the number of 3/2: next to always the nearest of those.
  OPENQUANT_INLINE OPENQUANT_HD e8p_choice<T> runner_up() const { return choice(second_); }

 private:
  /// The best pattern for one shift and parity, and half that squared distance less what all
  /// share, |u|^2 + 1/2.
  struct found {
    T distance, shift, kind, threshold, largest, turned;
  };
  struct pair {
    found first, second;
  };
  template <class Mask>
  OPENQUANT_HD static found chosen(const Mask& mask, const found& a, const found& b) {
    return {select(mask, a.distance, b.distance), select(mask, a.shift, b.shift),
            select(mask, a.kind, b.kind),         select(mask, a.threshold, b.threshold),
            select(mask, a.largest, b.largest),   select(mask, a.turned, b.turned)};
  }
  OPENQUANT_INLINE OPENQUANT_HD e8p_choice<T> choice(const found& f) const {
    e8p_choice<T> c;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 8; ++i) c.v[i] = u_[i] - f.shift;
    c.shift = f.shift, c.kind = f.kind, c.threshold = f.threshold;
    c.largest = f.largest, c.turned = f.turned, c.distance = f.distance;
    return c;
  }
  /// Of patterns with the same parity.
  struct contest {
    T gain, kind, threshold;
    OPENQUANT_HD void consider(const T& other, const T& its_kind, const T& its_threshold) {
      const auto better = other > gain;
      gain = select(better, other, gain);
      kind = select(better, its_kind, kind);
      threshold = select(better, its_threshold, threshold);
    }
    /// A long one, which has no threshold.
    OPENQUANT_HD void consider(const T& other, const T& its_kind) {
      consider(other, its_kind, threshold);
    }
  };

  OPENQUANT_HD static pair best_patterns(const vec<T, 8>& u, const T& sum, T shift) {
    vec<T, 8> y;
    lane_int_t<T> negative = lane_int_t<T>(0);  // in the sign bit, whether an odd number of them
    T total = T(0.0f);
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      const T v = u[i] - shift;
      negative = negative ^ float_bits(v);
      y[i] = placed_magnitude(v, i);
      total = total + y[i];
    }
    const vec<T, 5> top = four_largest_and_least(y);
    const T none = T(3e38f), zero = T(0.0f);

    // Two more 3/2 pay where their |y_i| add up to 2: first the larger two, then the next.
    const T two = top[0] + top[1] - T(2.0f), four = top[2] + top[3] - T(2.0f);
    const auto has_two = two > zero, has_four = four > zero;
    contest even{max(two, zero) + max(four, zero) - T(1.0f), zero,
                 select(has_four, top[3], select(has_two, top[1], none))};
    even.consider(top[0] + top[0] - T(4.0f), T(1.0f), top[0]);
    const T three = top[1] + top[2] - T(2.0f);
    const auto has_three = three > zero;
    contest odd{top[0] + max(three, zero) - T(2.0f), zero, select(has_three, top[2], top[0])};
    odd.consider(top[0] + top[0] + top[1] - T(5.0f), T(1.0f), top[1]);

    vec<T, 7> next, after_next;  // y_i + y_{i+1}, y_i + y_{i+2}, places mod 7
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 7; ++i) {
      next[i] = y[i] + y[(i + 1) % 7];
      after_next[i] = y[i] + y[(i + 2) % 7];
    }
    T line = y[0] + next[2], fives = mul_add(y[7], T(2.0f), next[0]);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 7; ++i) {
      if (i > 0) line = positive_min(line, y[i] + next[(i + 2) % 7]);
      const T pair =
          positive_max(after_next[(i + 6) % 7], positive_max(next[(i + 2) % 7], next[(i + 4) % 7]));
      fives = positive_max(fives, mul_add(y[i], T(2.0f), pair));
    }
    odd.consider(total - line - T(6.0f), T(2.0f));
    even.consider(fives - T(6.0f), T(3.0f));

    const auto wrong_for_even = change_sign(T(1.0f), negative) < zero;
    const T least = top[4], kept = T(-1.0f);
    const T turned_for_even = select(wrong_for_even, least, kept);
    const T turned_for_odd = select(wrong_for_even, kept, least);
    const T even_gain = even.gain - max(turned_for_even, zero);
    const T odd_gain = odd.gain - max(turned_for_odd, zero);
    const auto is_odd = odd_gain > even_gain;
    const T rest = zero - shift * sum - total * T(0.5f);
    const auto of = [&](const auto& takes_odd, const T& gain) {
      return found{rest - gain,
                   shift,
                   select(takes_odd, odd.kind, even.kind),
                   select(takes_odd, odd.threshold, even.threshold),
                   top[0],
                   select(takes_odd, turned_for_odd, turned_for_even)};
    };
    return {of(is_odd, max(even_gain, odd_gain)), of(!is_odd, min(even_gain, odd_gain))};
  }

  /// Both halves sorted by five exchanges each, then merged as far as needed.
  OPENQUANT_HD static vec<T, 5> four_largest_and_least(vec<T, 8> x) {
    const auto exchange = [](T& a, T& b) {
      const T larger = positive_max(a, b);
      b = positive_min(a, b);
      a = larger;
    };
    OPENQUANT_UNROLL
    for (index_t half = 0; half < 8; half += 4) {
      exchange(x[half], x[half + 1]);
      exchange(x[half + 2], x[half + 3]);
      exchange(x[half], x[half + 2]);
      exchange(x[half + 1], x[half + 3]);
      exchange(x[half + 1], x[half + 2]);
    }
    const T least = positive_min(x[3], x[7]);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 4; ++i) x[i] = positive_max(x[i], x[7 - i]);
    exchange(x[0], x[2]);
    exchange(x[1], x[3]);
    exchange(x[0], x[1]);
    exchange(x[2], x[3]);
    return {x[0], x[1], x[2], x[3], least};
  }

  vec<T, 8> u_;
  found first_, second_;
};

}  // namespace openquant::quantizer
