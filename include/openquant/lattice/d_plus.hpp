// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <openquant/lattice/d.hpp>

namespace openquant::lattice {

/// D_n+ = D_n united with D_n + (1/2, ..., 1/2), for even n: one point a unit of volume. D_8+ is
/// E8; D_12+ is the best quantizer among what two decodings of D_12 can reach.
///
/// Second moment: .0707 a dimension for D_12+
/// Cost:          two decodings of D_n and two distances
/// Source:        Conway & Sloane, IEEE Trans. Inf. Theory 28(2), 1982, Sec. V
template <index_t n>
struct d_plus {
  static_assert(n >= 2 && n % 2 == 0, "d_plus<n>: a lattice for even n only");
  static constexpr index_t dim = n;
  static constexpr double volume = 1;

  static std::string name() { return "d_plus<" + std::to_string(n) + ">"; }
  /// Rows 2 e_0, then e_0 + e_i for i = 1, ..., n - 2, then (1/2, ..., 1/2).
  static constexpr vec<vec<float, n>, n> generator() {
    vec<vec<float, n>, n> g = d<n>::generator();
    for (index_t i = 0; i < n; ++i) g[n - 1][i] = 0.5f;
    return g;
  }

  /// The nearer of the two cosets' nearest points; of equals the one of D_n.
  template <class T>
  OPENQUANT_HD static vec<T, n> nearest(const vec<T, n>& x) {
    vec<T, n> shifted;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < n; ++i) shifted[i] = x[i] - T(0.5f);
    vec<T, n> p = d<n>::nearest(x);
    const vec<T, n> h = d<n>::nearest(shifted);
    const auto nearer = squared_norm(shifted - h) < squared_norm(x - p);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < n; ++i) p[i] = select(nearer, h[i] + T(0.5f), p[i]);
    return p;
  }

  template <class T>
  OPENQUANT_HD static vec<T, n> coordinates(const vec<T, n>& p) {
    vec<T, n> rest;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < n; ++i) rest[i] = p[i] - p[n - 1];
    vec<T, n> c = d<n>::coordinates(rest);
    c[n - 1] = p[n - 1] * T(2.0f);
    return c;
  }
  template <class T>
  OPENQUANT_HD static vec<T, n> point(const vec<T, n>& c) {
    vec<T, n> rest = c;
    rest[n - 1] = T(0.0f);
    vec<T, n> p = d<n>::point(rest);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < n; ++i) p[i] = p[i] + c[n - 1] * T(0.5f);
    return p;
  }
};

}  // namespace openquant::lattice
