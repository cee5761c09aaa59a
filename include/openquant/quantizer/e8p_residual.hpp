// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>

#include <openquant/quantizer/e8p_codebook.hpp>

namespace openquant::quantizer {

/// Sums p + r / ratio of a point p of E8P and a point r of a second codebook, and a search among
/// them for the one near u that is not exhaustive but idempotent: what it finds, it finds again.
///
/// Tried are the nearest p, and the p nearest to u moved away from that by the factor `overshoot`,
/// which is the neighbour on whose side u lies; each with the best r. A sum counts only if the same
/// two steps, taken from the sum itself, come back to its p. One sum always does and is the third:
/// the nearest p with the remainder drawn so far in that the sum stays in its Voronoi cell.
///
/// Cost:    7 nearest points of E8P and 3 of the second codebook
template <class Second>
struct e8p_residual {
  float ratio, overshoot;

  template <class T>
  struct sum {
    lane_int_t<T> first, second;
  };

  template <class T, class Code>
  OPENQUANT_HD vec<T, 8> point(const Code& first, const Code& second) const {
    return e8p_codebook::point<T>(first) + Second::template point<T>(second) * T(1 / ratio);
  }

  /// The same from a copy of E8P's magnitudes.
  template <class T>
  OPENQUANT_HD vec<T, 8> point(std::int32_t first, std::int32_t second,
                               const std::uint16_t* magnitude) const {
    vec<T, 8> rest;
    if constexpr (std::is_same_v<Second, e8p_codebook>)
      rest = e8p_codebook::point<T>(second, magnitude);
    else
      rest = Second::template point<T>(second);
    return e8p_codebook::point<T>(first, magnitude) + rest * T(1 / ratio);
  }

  template <class T>
  OPENQUANT_HD sum<T> search(const vec<T, 8>& u) const {
    const lane_int_t<T> nearest = e8p_codebook::nearest(u);
    const vec<T, 8> rest = u - e8p_codebook::point<T>(nearest);
    const T inside = T(0.70710678f - 1 / ratio), norm = sqrt(squared_norm(rest));
    const T shrink = select(norm > inside, inside / norm, T(1.0f));
    sum<T> best{nearest, Second::nearest(rest * (shrink * T(ratio)))};
    T best_error = error(u, point<T>(best.first, best.second));
    for (int attempt = 0; attempt < 2; ++attempt) {
      const lane_int_t<T> first = attempt == 0 ? nearest : beyond(u, nearest);
      const vec<T, 8> left = u - e8p_codebook::point<T>(first);
      const lane_int_t<T> second = Second::nearest(left * T(ratio));
      const vec<T, 8> y = point<T>(first, second);
      const lane_int_t<T> again = e8p_codebook::nearest(y), after = beyond(y, again);
      const T p = to_float(first), at_once = error(u, y), worthless = T(3e38f);
      const T later = select(to_float(after) == p, at_once, worthless);
      const T e = select(to_float(again) == p, at_once, later);
      const auto better = e < best_error;
      best_error = select(better, e, best_error);
      best.first = select(better, first, best.first);
      best.second = select(better, second, best.second);
    }
    return best;
  }

 private:
  /// |u - y|^2 less |u|^2, which far out would drown the differences.
  template <class T>
  OPENQUANT_HD static T error(const vec<T, 8>& u, const vec<T, 8>& y) {
    T e = T(0.0f);
    for (index_t i = 0; i < 8; ++i) e = e + y[i] * (y[i] - u[i] - u[i]);
    return e;
  }
  template <class T>
  OPENQUANT_HD lane_int_t<T> beyond(const vec<T, 8>& u, const lane_int_t<T>& code) const {
    const vec<T, 8> p = e8p_codebook::point<T>(code);
    return e8p_codebook::nearest(p + (u - p) * T(overshoot));
  }
};

}  // namespace openquant::quantizer
