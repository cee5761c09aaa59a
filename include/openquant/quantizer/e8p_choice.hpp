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
/// Cost:    about 60 lane operations for the code, 60 for the point, 80 for the loss
template <class T>
struct e8p_choice {
  vec<T, 8> v;
  T shift;      // -1/4 or 1/4
  T kind;       // 0 to 4, so many 3/2; 9, 10, a 5/2 and none or one 3/2; 32 + e, long one e
  T threshold;  // of kinds below 32, the least |v_i| with a large magnitude
  T largest;    // |v_i|
  T turned;     // the least |v_i|, if the point has its sign turned for the parity; else -1

  /// Pattern 8 bits, shift 1, sign 7, as e8p_codebook has them.
  OPENQUANT_HD lane_int_t<T> code() const {
    const T first = to_float(place_of(largest));
    const T second = to_float(place_of(threshold));  // as the first where it has no 3/2
    const auto with_five = kind >= T(8.0f), long_one = kind >= T(32.0f);
    const T entry = select(long_one, kind + T(32.0f), first * T(8.0f) + second);
    const T number = gather(e8p_tables().number, to_int(select(with_five, entry, T(0.0f))));
    const T pattern = select(with_five, number, sum_of_large(1));
    const T downwards = select(shift < T(0.0f), T(128.0f), T(0.0f));
    return to_int(pattern * T(256.0f) + downwards) | (sign_bits(v, turned) & lane_int_t<T>(127));
  }

  /// The point of that code.
  OPENQUANT_HD vec<T, 8> point() const {
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
  OPENQUANT_HD T loss(const vec<T, 8>& h) const {
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

  /// Sum of 2^(bits i) over the large magnitudes of kinds below 32.
  OPENQUANT_HD T sum_of_large(int bits) const {
    T sum = T(0.0f);
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      sum = sum + select(y(i) >= threshold, T(static_cast<float>(1 << (bits * i))), T(0.0f));
    }
    return sum;
  }

  /// Two bits a coordinate, a_i - 1/2.
  OPENQUANT_HD lane_int_t<T> magnitudes() const {
    const T large = sum_of_large(2), five = power_at_place<4>(largest);
    const T word = select(kind >= T(8.0f), large + five, large);
    return to_int(select(kind >= T(32.0f), lookup(e8p_tables().long_word, to_int(kind)), word));
  }
};

}  // namespace openquant::quantizer
