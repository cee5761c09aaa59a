// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>
#include <openquant/quantizer/placed_magnitude.hpp>

namespace openquant::quantizer {

/// 256 short points of E8, unscaled: 0, the 240 of squared norm 2, and 15 of squared norm 4, which
/// are +-2 e_i less -2 e_7.
///
/// Code, 8 bits:  128 + signs       (+-1/2, ..., +-1/2), bit i set where coordinate i is negative
///                                  for i = 0, ..., 6; the last sign makes their number even
///                16 + 4 p + signs  +-e_i +- e_j, i < j, p = j (j - 1) / 2 + i; bit 0 for i
///                2 i + sign        +-2 e_i; 15 is the point 0
///
/// Source:  Tseng et al., "QuIP#", arXiv 2402.04396, Sec. 4.3 (the 1-bit E8 codebook of its
///          residual stage; which 15 points of norm 4 is ours)
struct e8_ball {
  static constexpr index_t dim = 8;

  /// The point nearest to u, but for 2^-20 of |u_i|: its code, and itself.
  /// Cost: about 60 lane operations, and 60 for the code, the point or the loss
  template <class T>
  class choice {
   public:
    OPENQUANT_HD explicit choice(const vec<T, 8>& u) : u_(u) {
      lane_int_t<T> negative = lane_int_t<T>(0);  // in the sign bit, whether an odd number of them
      vec<T, 8> y;
      T sum = T(0.0f);
      OPENQUANT_UNROLL
      for (int i = 0; i < 8; ++i) {
        negative = negative ^ float_bits(u[i]);
        y[i] = placed_magnitude(u[i], i);
        sum = sum + y[i];
      }
      // Pairs, fours, all: the largest, the second and the least of each.
      vec<T, 4> most, next;
      T least = min(y[0], y[1]);
      OPENQUANT_UNROLL
      for (index_t i = 0; i < 4; ++i) {
        most[i] = max(y[2 * i], y[2 * i + 1]);
        next[i] = min(y[2 * i], y[2 * i + 1]);
        least = min(least, next[i]);
      }
      OPENQUANT_UNROLL
      for (index_t step = 1; step < 4; step *= 2) {
        OPENQUANT_UNROLL
        for (index_t i = 0; i < 4; i += 2 * step) {
          next[i] = max(min(most[i], most[i + step]), max(next[i], next[i + step]));
          most[i] = max(most[i], most[i + step]);
        }
      }
      const T nowhere = T(-1.0f), zero = T(0.0f);
      const auto odd = change_sign(T(1.0f), negative) < zero;
      const T turned = select(odd, least, nowhere);
      // -2 e_7 is not there.
      const auto absent = select(most[0] == y[7], u[7], zero) < zero;
      const T axis = select(absent, next[0], most[0]);

      T best = zero;  // <u, p> - |p|^2 / 2
      const auto consider = [&](const T& gain, float base, float peak, const T& first,
                                const T& second, const T& turn) {
        const auto better = gain > best;
        best = select(better, gain, best);
        base_ = select(better, T(base), base_);
        peak_ = select(better, T(peak), peak_);
        first_ = select(better, first, first_);
        second_ = select(better, second, second_);
        turned_ = select(better, turn, turned_);
      };
      base_ = peak_ = zero;
      first_ = second_ = turned_ = nowhere;
      consider(sum * T(0.5f) - max(turned, zero) - T(1.0f), 0.5f, 0.5f, nowhere, nowhere, turned);
      consider(most[0] + next[0] - T(1.0f), 0, 1, most[0], next[0], nowhere);
      consider(axis + axis - T(2.0f), 0, 2, axis, nowhere, nowhere);
      distance = zero - best;
    }

    T distance;  ///< |u - p|^2 / 2, less |u|^2 / 2

    /// sum_i h_i (u_i - p_i)^2.
    OPENQUANT_HD T loss(const vec<T, 8>& h) const {
      T sum = T(0.0f);
      OPENQUANT_UNROLL
      for (int i = 0; i < 8; ++i) {
        const T y = placed_magnitude(u_[i], i);
        const T a = select((y == first_) | (y == second_), peak_, base_);
        const T error = abs(u_[i]) - select(y == turned_, -a, a);
        sum = sum + h[i] * (error * error);
      }
      return sum;
    }

    /// a where the mask is true, else b.
    template <class Mask>
    OPENQUANT_INLINE OPENQUANT_HD friend choice select(const Mask& mask, const choice& a,
                                                       const choice& b) {
      choice c;
      OPENQUANT_UNROLL
      for (index_t i = 0; i < 8; ++i) c.u_[i] = select(mask, a.u_[i], b.u_[i]);
      c.base_ = select(mask, a.base_, b.base_), c.peak_ = select(mask, a.peak_, b.peak_);
      c.first_ = select(mask, a.first_, b.first_), c.second_ = select(mask, a.second_, b.second_);
      c.turned_ = select(mask, a.turned_, b.turned_);
      c.distance = select(mask, a.distance, b.distance);
      return c;
    }

    OPENQUANT_HD vec<T, 8> point() const {
      vec<T, 8> p;
      OPENQUANT_UNROLL
      for (int i = 0; i < 8; ++i) {
        const T y = placed_magnitude(u_[i], i);
        const T a = select((y == first_) | (y == second_), peak_, base_);
        p[i] = change_sign(select(y == turned_, -a, a), float_bits(u_[i]));
      }
      return p;
    }

    OPENQUANT_HD lane_int_t<T> code() const {
      using integer = lane_int_t<T>;
      const integer negative = sign_bits(u_);
      const T halves = to_float(sign_bits(u_, turned_) & integer(127)) + T(128.0f);
      const auto sign = [&](const T& y) {  // 1 where the coordinate is negative
        return min(to_float(negative & to_int(power_at_place<2>(y))), T(1.0f));
      };
      const T at = to_float(place_of(first_)), next = to_float(place_of(second_));
      const auto swapped = next < at;
      const T i = min(at, next), j = max(at, next), of_at = sign(first_), of_next = sign(second_);
      const T low = select(swapped, of_next, of_at), high = select(swapped, of_at, of_next);
      const T pair = (j * (j - T(1.0f)) * T(0.5f) + i) * T(4.0f) + low + high + high + T(16.0f);
      T code = select(peak_ == T(1.0f), pair, at + at + of_at);
      code = select(peak_ == T(0.0f), T(15.0f), code);
      return to_int(select(base_ > T(0.0f), halves, code));
    }

   private:
    choice() = default;

    vec<T, 8> u_;
    // Magnitudes: `peak` where |u_i| is the first or the second of these, else `base`.
    T base_, peak_, first_, second_;
    T turned_;  // the |u_i| of which the sign is turned, or -1
  };

  /// Code of the point nearest to u.
  template <class T>
  OPENQUANT_HD static lane_int_t<T> nearest(const vec<T, 8>& u) {
    return find(u).code();
  }
  /// The same before its code, point or loss is computed.
  template <class T>
  OPENQUANT_HD static choice<T> find(const vec<T, 8>& u) {
    return choice<T>(u);
  }

  template <class T, class Code>
  OPENQUANT_HD static vec<T, 8> point(const Code& c) {
    const T code = to_float(c);
    const auto halves = code >= T(128.0f), pairs = code >= T(16.0f);
    Code parity = c & Code(127);
    parity = parity ^ (parity >> 4);
    parity = parity ^ (parity >> 2);
    parity = (parity ^ (parity >> 1)) & Code(1);
    const Code signs = (c & Code(127)) | (parity << 7);
    const T pair = to_float((c - Code(16)) >> 2);
    T j = T(1.0f), base = T(0.0f);
    for (int k = 2; k < 8; ++k) {
      const int pairs_before = k * (k - 1) / 2;
      const auto start = static_cast<float>(pairs_before);
      const auto reached = pair >= T(start);
      j = select(reached, T(static_cast<float>(k)), j);
      base = select(reached, T(start), base);
    }
    const T i = pair - base, axis = to_float(c >> 1);
    const T turn_low = T(1.0f) - T(2.0f) * to_float(c & Code(1));
    const T turn_high = T(1.0f) - T(2.0f) * to_float((c >> 1) & Code(1));
    vec<T, 8> p;
    for (int k = 0; k < 8; ++k) {
      const T place = T(static_cast<float>(k));
      const T half = T(0.5f) - to_float((signs >> k) & Code(1));
      const T of_pair = select(i == place, turn_low, select(j == place, turn_high, T(0.0f)));
      const T of_axis = select(axis == place, turn_low + turn_low, T(0.0f));
      p[k] = select(halves, half, select(pairs, of_pair, of_axis));
      if (k == 7) p[k] = select(code == T(15.0f), T(0.0f), p[k]);
    }
    return p;
  }
};

}  // namespace openquant::quantizer
