// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>

namespace openquant::lattice {

/// D_n, the checkerboard lattice: the integer vectors whose coordinates have an even sum.
///
/// Second moment: 2^(-2/n) (1/12 + 1/(2 n (n + 1))) a dimension: .076603 for D4, .077097 for D12
/// Cost:          n roundings, 3 n comparisons
/// Source:        Conway & Sloane, "Fast quantizing and decoding algorithms for lattice quantizers
///                and codes", IEEE Trans. Inf. Theory 28(2), 1982, Sec. IV
template <index_t n>
struct d {
  static_assert(n >= 2, "d<n>: the rule needs two coordinates");
  static constexpr index_t dim = n;
  static constexpr double volume = 2;

  static std::string name() { return "d<" + std::to_string(n) + ">"; }
  /// Rows 2 e_0 and e_0 + e_i.
  static constexpr vec<vec<float, n>, n> generator() {
    vec<vec<float, n>, n> g{};
    g[0][0] = 2;
    for (index_t i = 1; i < n; ++i) g[i][0] = g[i][i] = 1;
    return g;
  }

  /// Rounds every coordinate and, where the sum is odd, takes the coordinate with the largest
  /// rounding error to its second nearest integer; the first of equals. Coordinates are below 2^22
  /// / n in magnitude, or the parity is lost in rounding.
  template <class T>
  OPENQUANT_HD static vec<T, n> nearest(const vec<T, n>& x) {
    vec<T, n> p;
    T sum = T(0.0f), worst = T(-1.0f), at = T(0.0f);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < n; ++i) {
      p[i] = round_even(x[i]);
      sum = sum + p[i];
      const T error = abs(x[i] - p[i]);
      at = select(error > worst, T(static_cast<float>(i)), at);
      worst = max(worst, error);
    }
    const T half = sum * T(0.5f);
    at = select(round_even(half) == half, T(-1.0f), at);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < n; ++i) {
      const T second = p[i] + select(x[i] < p[i], T(-1.0f), T(1.0f));
      p[i] = select(at == T(static_cast<float>(i)), second, p[i]);
    }
    return p;
  }

  template <class T>
  OPENQUANT_HD static vec<T, n> coordinates(const vec<T, n>& p) {
    vec<T, n> c = p;
    OPENQUANT_UNROLL
    for (index_t i = 1; i < n; ++i) c[0] = c[0] - p[i];
    c[0] = c[0] * T(0.5f);
    return c;
  }
  template <class T>
  OPENQUANT_HD static vec<T, n> point(const vec<T, n>& c) {
    vec<T, n> p = c;
    p[0] = p[0] + c[0];
    OPENQUANT_UNROLL
    for (index_t i = 1; i < n; ++i) p[0] = p[0] + c[i];
    return p;
  }
};

}  // namespace openquant::lattice
