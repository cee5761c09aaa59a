// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>

namespace openquant::lattice {

/// Z^n: all integer vectors. What every other lattice is measured against.
///
/// Second moment: 1/12 a dimension, any n
/// Cost:          n roundings
template <index_t n>
struct integer {
  static_assert(n >= 1);
  static constexpr index_t dim = n;
  static constexpr double volume = 1;

  static std::string name() { return "integer<" + std::to_string(n) + ">"; }
  /// The identity.
  static constexpr vec<vec<float, n>, n> generator() {
    vec<vec<float, n>, n> g{};
    for (index_t i = 0; i < n; ++i) g[i][i] = 1;
    return g;
  }

  /// Ties to even, coordinate by coordinate.
  template <class T>
  OPENQUANT_HD static vec<T, n> nearest(const vec<T, n>& x) {
    vec<T, n> p;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < n; ++i) p[i] = round_even(x[i]);
    return p;
  }
  template <class T>
  OPENQUANT_HD static vec<T, n> coordinates(const vec<T, n>& p) {
    return p;
  }
  template <class T>
  OPENQUANT_HD static vec<T, n> point(const vec<T, n>& c) {
    return c;
  }
};

}  // namespace openquant::lattice
