// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>
#include <openquant/quantizer/e8p_patterns.hpp>

namespace openquant::quantizer {

/// The point of E8P nearest to u, exactly but for rounding, and what is asked of it: its code, or
/// the loss alone. |u_i| is at most 1e36.
///
/// With y = u - shift and the signs of y, half of |y|^2 - |y - v|^2 is, for a pattern a of
/// magnitudes,
///
///   sum_i |y_i| / 2 + sum_i (a_i - 1/2) |y_i| - |a|^2 / 2
///
/// and a wrong parity takes away 2 min_i a_i |y_i|. Among the arrangements of the same values the
/// best puts the larger on the larger |y_i|, so partial sums of the sorted |y_i| serve all 227
/// patterns that have all arrangements; the 29 others are tried, by sums of two neighbours and of
/// two that are two apart. A wrong parity costs the least |y_i|, of the last of equals: where a_i
/// is not 1/2 there, a_i - 1 in its place mends the parity and is better by 1 or more. So patterns
/// with an even and an odd number of 3/2 are compared among themselves first.
///
/// Cost:    about 250 lane operations for each of the two shifts
/// Source:  Tseng et al., "QuIP#", arXiv 2402.04396, Sec. 4.2 (E8P); search by sorted pairing as in
///          Adoul & Barth, "Nearest neighbor algorithm for spherical codes from the Leech lattice",
///          IEEE Trans. Inf. Theory 34(5), 1988
template <class T>
class e8p_search {
 public:
  OPENQUANT_HD explicit e8p_search(const vec<T, 8>& u) {
    const found down = best_pattern(u, T(-0.25f)), up = best_pattern(u, T(0.25f));
    const auto lower = down.distance < up.distance;
    shift_ = select(lower, T(-0.25f), T(0.25f));
    kind_ = select(lower, down.kind, up.kind);
    threshold_ = select(lower, down.threshold, up.threshold);
    largest_ = select(lower, down.largest, up.largest);
    turned_ = select(lower, down.turned, up.turned);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 8; ++i) v_[i] = u[i] - shift_;
  }

  /// Pattern 8 bits, shift 1, sign 7, as e8p_codebook has them.
  OPENQUANT_HD lane_int_t<T> code() const {
    const T mask = sum_of_large([](int i) { return 1 << i; });
    const T first = at_largest([](int i) { return i; });
    const T second = sum_of_large([](int i) { return i; }) - (kind_ - T(9.0f)) * first;
    const auto with_five = kind_ >= T(8.0f), long_one = kind_ >= T(32.0f);
    const T entry = select(long_one, kind_ + T(32.0f), first * T(8.0f) + second);
    const T number = gather(e8p_tables().number, to_int(select(with_five, entry, T(0.0f))));
    const T pattern = select(with_five, number, mask);
    const T shift = select(shift_ < T(0.0f), T(128.0f), T(0.0f));
    return to_int(pattern * T(256.0f) + shift + signs());
  }

  /// sum_i h_i (u_i - p_i)^2 for the point p.
  OPENQUANT_HD T loss(const vec<T, 8>& h) const {
    const auto power = [](int i) { return 1 << (2 * i); };
    const T large = sum_of_large(power);
    T word = select(kind_ >= T(8.0f), large + at_largest(power), large);
    word = select(kind_ >= T(32.0f), lookup(e8p_tables().long_word, to_int(kind_)), word);
    const lane_int_t<T> magnitudes = to_int(word);
    T sum = T(0.0f), h_turned = T(0.0f);
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      const T y = abs(v_[i]), error = y - magnitude(magnitudes >> (2 * i));
      sum = sum + h[i] * (error * error);
      h_turned = select(y == turned_, h[i], h_turned);
    }
    return sum + h_turned * (turned_ + turned_);  // there -1/2 in place of 1/2
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
  /// The pattern of least distance for one shift, and half that squared distance less what both
  /// shifts share, |u|^2 + 1/2. Kinds: 0 to 4, so many 3/2; 9, 10, a 5/2 and none or one 3/2; 32 +
  /// e, long one e. The first two have their large magnitudes where |y_i| reaches the threshold.
  struct found {
    T distance, kind, threshold;
    T largest;  // |y_i|
    T turned;   // the least |y_i|, if its sign is turned for the parity; else -1
  };
  /// Of patterns with the same parity.
  struct contest {
    T gain, kind, threshold;
    OPENQUANT_HD void consider(const T& other, const T& its_kind, const T& its_threshold) {
      const auto better = other > gain;
      gain = select(better, other, gain);
      kind = select(better, its_kind, kind);
      threshold = select(better, its_threshold, threshold);
    }
  };

  OPENQUANT_HD static found best_pattern(const vec<T, 8>& u, T shift) {
    vec<T, 8> y;
    T sign = T(1.0f), sum = T(0.0f), total = T(0.0f);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 8; ++i) {
      const T v = u[i] - shift;
      sign = select(v < T(0.0f), -sign, sign);
      y[i] = abs(v);
      sum = sum + u[i];
      total = total + y[i];
    }
    const vec<T, 5> top = four_largest_and_least(y);
    const T top2 = top[0] + top[1], top3 = top2 + top[2];
    const T none = T(3e38f);
    contest even{T(-1.0f), T(0.0f), none}, odd{top[0] - T(2.0f), T(1.0f), top[0]};
    even.consider(top2 - T(3.0f), T(2.0f), top[1]);
    odd.consider(top3 - T(4.0f), T(3.0f), top[2]);
    even.consider(top3 + top[3] - T(5.0f), T(4.0f), top[3]);
    even.consider(top[0] + top[0] - T(4.0f), T(9.0f), top[0]);
    odd.consider(top2 + top[0] - T(5.0f), T(10.0f), top[1]);

    vec<T, 7> next, after_next;  // y_i + y_{i+1}, y_i + y_{i+2}, places mod 7
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 7; ++i) {
      next[i] = y[i] + y[(i + 1) % 7];
      after_next[i] = y[i] + y[(i + 2) % 7];
    }
    T line = y[0] + next[2], line_kind = T(32.0f);
    T fives = y[7] + y[7] + next[0], fives_kind = T(60.0f);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 7; ++i) {
      if (i > 0) {
        const T three = y[i] + next[(i + 2) % 7];
        const auto better = three < line;
        line = select(better, three, line);
        line_kind = select(better, T(static_cast<float>(32 + i)), line_kind);
      }
      T pair = after_next[(i + 6) % 7], kind = T(static_cast<float>(39 + 3 * i));
      OPENQUANT_UNROLL
      for (index_t k = 1; k < 3; ++k) {
        const T other = next[(i + 2 * k) % 7];
        const auto better = other > pair;
        pair = select(better, other, pair);
        kind = select(better, T(static_cast<float>(39 + 3 * i + k)), kind);
      }
      const T gain = y[i] + y[i] + pair;
      const auto better = gain > fives;
      fives = select(better, gain, fives);
      fives_kind = select(better, kind, fives_kind);
    }
    odd.consider(total - line - T(6.0f), line_kind, none);
    even.consider(fives - T(6.0f), fives_kind, none);

    const auto wrong_for_even = sign < T(0.0f);
    const T least = top[4], kept = T(-1.0f);
    const T turned_for_even = select(wrong_for_even, least, kept);
    const T turned_for_odd = select(wrong_for_even, kept, least);
    const T even_gain = even.gain - max(turned_for_even, T(0.0f));
    const T odd_gain = odd.gain - max(turned_for_odd, T(0.0f));
    const auto is_odd = odd_gain > even_gain;
    const T gain = select(is_odd, odd_gain, even_gain);
    return {T(0.0f) - shift * sum - total * T(0.5f) - gain, select(is_odd, odd.kind, even.kind),
            select(is_odd, odd.threshold, even.threshold), top[0],
            select(is_odd, turned_for_odd, turned_for_even)};
  }

  /// Both halves sorted by five exchanges each, then merged as far as needed.
  OPENQUANT_HD static vec<T, 5> four_largest_and_least(vec<T, 8> x) {
    const auto exchange = [](T& a, T& b) {
      const T larger = max(a, b);
      b = min(a, b);
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
    const T least = min(x[3], x[7]);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 4; ++i) x[i] = max(x[i], x[7 - i]);
    exchange(x[0], x[2]);
    exchange(x[1], x[3]);
    exchange(x[0], x[1]);
    exchange(x[2], x[3]);
    return {x[0], x[1], x[2], x[3], least};
  }

  /// Sum of value(i) over the large magnitudes of kinds below 32, of equals the first ones.
  template <class Value>
  OPENQUANT_HD T sum_of_large(const Value& value) const {
    T left = select(kind_ >= T(8.0f), kind_ - T(8.0f), kind_), sum = T(0.0f);  // at the threshold
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      left = left - select(abs(v_[i]) > threshold_, T(1.0f), T(0.0f));
    }
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      const T y = abs(v_[i]), term = T(static_cast<float>(value(i)));
      const auto equal = y == threshold_;
      sum = sum + select((y > threshold_) | (equal & (left > T(0.0f))), term, T(0.0f));
      left = left - select(equal, T(1.0f), T(0.0f));
    }
    return sum;
  }
  /// value(i) where |y_i| is largest, the first of equals.
  template <class Value>
  OPENQUANT_HD T at_largest(const Value& value) const {
    T at = T(0.0f);
    OPENQUANT_UNROLL
    for (int i = 7; i >= 0; --i) {
      at = select(abs(v_[i]) == largest_, T(static_cast<float>(value(i))), at);
    }
    return at;
  }

  /// The seven sign bits: those of y, one of them turned where the parity is wrong.
  OPENQUANT_HD T signs() const {
    T bits = T(0.0f), turn = T(0.0f);
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      const T bit = T(static_cast<float>(1 << i));
      const auto negative = v_[i] < T(0.0f);
      bits = bits + select(negative, bit, T(0.0f));
      turn = select(abs(v_[i]) == turned_, select(negative, -bit, bit), turn);
    }
    bits = bits + turn;
    return bits - select(bits >= T(128.0f), T(128.0f), T(0.0f));
  }

  vec<T, 8> v_;
  T shift_, kind_, threshold_, largest_, turned_;
};

}  // namespace openquant::quantizer
