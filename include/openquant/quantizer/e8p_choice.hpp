// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>
#include <openquant/quantizer/e8p_patterns.hpp>
#include <openquant/quantizer/placed_magnitude.hpp>

namespace openquant::quantizer {

/// A point of E8P as `e8p_search` finds it, by what its pattern looks like from u: which of the
/// |v_i|, v = u - shift, have large magnitudes, and which sign is turned. What is asked of it is
/// computed when it is asked.
///
/// Cost:    about 60 lane operations for the code, 70 for the point, 90 for the loss, and for each
///          of them 110 where a lane has a long pattern: which one, is found only then
template <class T>
struct e8p_choice {
  vec<T, 8> v;
  T shift;      // -1/4 or 1/4
  T kind;       // 0, without a 5/2; 1, with one; 2, 3, a long one without or with one: the best
  T threshold;  // of kinds 0 and 1, the least |v_i| with a large magnitude
  T largest;    // |v_i|
  T turned;     // the least |v_i|, if the point has its sign turned for the parity; else -1
  T distance;   // |u - p|^2 / 2, less |u|^2 / 2 + 1/4; of a runner-up far out it may be less

  /// Pattern 8 bits, shift 1, sign 7, as e8p_codebook has them.
  OPENQUANT_INLINE OPENQUANT_HD lane_int_t<T> code() const {
    const T first = to_float(place_of(largest));
    const T second = to_float(place_of(threshold));  // as the first where it has no 3/2
    const auto with_five = kind >= T(1.0f), is_long = kind >= T(2.0f);
    const T entry = select(is_long, long_one() + T(64.0f), first * T(8.0f) + second);
    const T number = gather(e8p_tables().number, to_int(select(with_five, entry, T(0.0f))));
    const T pattern = select(with_five, number, sum_of_large(1));
    const T downwards = select(shift < T(0.0f), T(128.0f), T(0.0f));
    return to_int(pattern * T(256.0f) + downwards) | (sign_bits(v, turned) & lane_int_t<T>(127));
  }

  /// The point of that code.
  OPENQUANT_INLINE OPENQUANT_HD vec<T, 8> point() const {
    const lane_int_t<T> word = magnitudes();
    vec<T, 8> p;
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      const T a = magnitude(word >> (2 * i));
      p[i] = change_sign(select(y(i) == turned, -a, a), float_bits(v[i])) + shift;
    }
    return p;
  }

  /// sum_i h_i (u_i - p_i)^2 for that point p.
  OPENQUANT_INLINE OPENQUANT_HD T loss(const vec<T, 8>& h) const {
    const lane_int_t<T> word = magnitudes();
    T sum = T(0.0f);
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      const T a = magnitude(word >> (2 * i));
      const T error = abs(v[i]) - select(y(i) == turned, -a, a);
      sum = sum + h[i] * (error * error);
    }
    return sum;
  }

  /// a where the mask is true, else b.
  template <class Mask>
  OPENQUANT_INLINE OPENQUANT_HD friend e8p_choice select(const Mask& mask, const e8p_choice& a,
                                                         const e8p_choice& b) {
    e8p_choice c;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 8; ++i) c.v[i] = select(mask, a.v[i], b.v[i]);
    c.shift = select(mask, a.shift, b.shift), c.kind = select(mask, a.kind, b.kind);
    c.threshold = select(mask, a.threshold, b.threshold);
    c.largest = select(mask, a.largest, b.largest), c.turned = select(mask, a.turned, b.turned);
    c.distance = select(mask, a.distance, b.distance);
    return c;
  }

  /// 1/2, 3/2 or 5/2 for the low two bits 0, 1 or 2.
  template <class Code>
  OPENQUANT_HD static T magnitude(const Code& bits) {
    if constexpr (lane_count<T> == 1) {
      return to_float(bits & 3) + 0.5f;
    } else {
      constexpr float value[16] = {0.5f, 1.5f, 2.5f, 0, 0.5f, 1.5f, 2.5f, 0,
                                   0.5f, 1.5f, 2.5f, 0, 0.5f, 1.5f, 2.5f, 0};
      return lookup(value, bits);
    }
  }

 private:
  OPENQUANT_HD T y(int i) const { return placed_magnitude(v[i], i); }

  /// Sum of 2^(bits i) over the large magnitudes of kinds 0 and 1.
  OPENQUANT_HD T sum_of_large(int bits) const {
    T sum = T(0.0f);
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      sum = sum + select(y(i) >= threshold, T(static_cast<float>(1 << (bits * i))), T(0.0f));
    }
    return sum;
  }

  /// Two bits a coordinate, a_i - 1/2.
  OPENQUANT_INLINE OPENQUANT_HD lane_int_t<T> magnitudes() const {
    const T large = sum_of_large(2), five = power_at_place<4>(largest);
    const T word = select(kind >= T(1.0f), large + five, large);
    const auto is_long = kind >= T(2.0f);
    if (all_of(!is_long)) return to_int(word);
    return to_int(select(is_long, lookup(e8p_tables().long_word, to_int(long_one())), word));
  }

  /// The number of its long pattern, of equally good ones the first with a 5/2 at 7, else the
  /// first; 0 where it has none. Every comparison is with the best, none waits for another.
  OPENQUANT_INLINE OPENQUANT_HD T long_one() const {
    if (all_of(kind < T(2.0f))) return T(0.0f);
    vec<T, 7> next, line, five, number;
    OPENQUANT_UNROLL
    for (int i = 0; i < 7; ++i) next[i] = y(i) + y((i + 1) % 7);
    const T five_at_7 = mul_add(y(7), T(2.0f), next[0]);
    T least_line = y(0) + next[2], best_five = five_at_7;
    OPENQUANT_UNROLL
    for (int i = 0; i < 7; ++i) {
      const T pair[3] = {y((i + 6) % 7) + y((i + 1) % 7), next[(i + 2) % 7], next[(i + 4) % 7]};
      const T best = positive_max(pair[0], positive_max(pair[1], pair[2]));
      const auto of_first = static_cast<float>(7 + 3 * i);
      number[i] = select(pair[0] == best, T(of_first),
                         select(pair[1] == best, T(of_first + 1), T(of_first + 2)));
      line[i] = y(i) + next[(i + 2) % 7];
      five[i] = mul_add(y(i), T(2.0f), best);
      least_line = positive_min(least_line, line[i]);
      best_five = positive_max(best_five, five[i]);
    }
    T line_number = T(0.0f), five_number = T(0.0f);
    OPENQUANT_UNROLL
    for (int i = 6; i >= 0; --i) {
      line_number = select(line[i] == least_line, T(static_cast<float>(i)), line_number);
      five_number = select(five[i] == best_five, number[i], five_number);
    }
    five_number = select(five_at_7 == best_five, T(28.0f), five_number);
    return select(kind == T(2.0f), line_number, select(kind == T(3.0f), five_number, T(0.0f)));
  }
};

}  // namespace openquant::quantizer
