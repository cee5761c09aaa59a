// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/lane.hpp>

namespace openquant {

/// d coordinates in lane type T: one point (T = float) or as many points as T has lanes.
/// An aggregate without std::array, so that it works in device code as it is.
template <class T, index_t d>
struct vec {
  T x[d];

  OPENQUANT_HD constexpr T& operator[](index_t i) { return x[i]; }
  OPENQUANT_HD constexpr const T& operator[](index_t i) const { return x[i]; }
  static constexpr index_t size() { return d; }

  friend OPENQUANT_HD constexpr vec operator+(vec a, const vec& b) {
    OPENQUANT_UNROLL
    for (index_t i = 0; i < d; ++i) a.x[i] = a.x[i] + b.x[i];
    return a;
  }
  friend OPENQUANT_HD constexpr vec operator-(vec a, const vec& b) {
    OPENQUANT_UNROLL
    for (index_t i = 0; i < d; ++i) a.x[i] = a.x[i] - b.x[i];
    return a;
  }
  friend OPENQUANT_HD constexpr vec operator*(vec a, const T& s) {
    OPENQUANT_UNROLL
    for (index_t i = 0; i < d; ++i) a.x[i] = a.x[i] * s;
    return a;
  }
};

/// a in the lanes where the mask is true, b in the others.
template <class Mask, class T, index_t d>
OPENQUANT_HD vec<T, d> select(const Mask& mask, vec<T, d> a, const vec<T, d>& b) {
  OPENQUANT_UNROLL
  for (index_t i = 0; i < d; ++i) a[i] = select(mask, a[i], b[i]);
  return a;
}

/// Sum of squares of the coordinates, lane by lane.
template <class T, index_t d>
OPENQUANT_HD constexpr T squared_norm(const vec<T, d>& a) {
  T sum = a[0] * a[0];
  OPENQUANT_UNROLL
  for (index_t i = 1; i < d; ++i) sum = sum + a[i] * a[i];
  return sum;
}

}  // namespace openquant
