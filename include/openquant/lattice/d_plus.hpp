// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <openquant/lattice/d.hpp>

namespace openquant::lattice {

/// D_n+ = D_n united with D_n + (1/2, ..., 1/2), for even n: one point a unit of volume. D_8+ is
/// E8; D_12+ is the best quantizer among what two decodings of D_12 can reach.
///
/// Second moment: .0707 a dimension for D_12+
/// Cost:          n roundings, 3 n comparisons, 2 n minima and maxima
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
  ///
  /// With e = x - round(x), the nearest of the other coset's coordinates is 1/2 from round(x)
  /// towards x, and 1/2 - |e_i| away: one rounding serves both. Where the sum of D_n's coordinates
  /// is odd, the largest |e_i| is mended at 1 - 2 |e_i|; in the other coset the least, at 2 |e_i|.
  template <class T>
  OPENQUANT_HD OPENQUANT_INLINE static vec<T, n> nearest(const vec<T, n>& x) {
    vec<T, n> p;
    // In halves: one chain of sums would be waited for.
    struct part {
      T sum, turned, total, least, most;
    };
    const auto round_part = [&](index_t first) OPENQUANT_INLINE_LAMBDA {
      part r{T(0.0f), T(0.0f), T(0.0f), T(1.0f), T(0.0f)};
      OPENQUANT_UNROLL
      for (index_t i = first; i < first + n / 2; ++i) {
        p[i] = round_even(x[i]);
        const T e = x[i] - p[i], away = abs(e);
        r.sum = r.sum + p[i];
        r.turned = r.turned + select(e < T(0.0f), T(1.0f), T(0.0f));
        r.total = r.total + away;
        r.least = min(r.least, away);
        r.most = max(r.most, away);
      }
      return r;
    };
    const part a = round_part(0), b = round_part(n / 2);
    const T sum = a.sum + b.sum, none = T(-1.0f);
    const auto even = is_even(sum), halves_even = is_even(sum - (a.turned + b.turned));
    const T least = min(a.least, b.least), most = max(a.most, b.most);
    const T extra = select(even, T(0.0f), T(1.0f) - most - most);
    const T halves_extra = select(halves_even, T(0.0f), least + least);
    const T away = T(0.25f * static_cast<float>(n)) - (a.total + b.total);
    const auto nearer = away + halves_extra < extra;
    // The first |e_i| of this size is mended.
    const T at = select(nearer, select(halves_even, none, least), select(even, none, most));
    const auto in_a = select(nearer, a.least, a.most) == at;
    const T step = select(nearer, T(0.5f), T(0.0f)), mended = select(nearer, T(-0.5f), T(1.0f));
    const auto mend_part = [&](index_t first, T size) OPENQUANT_INLINE_LAMBDA {
      OPENQUANT_UNROLL
      for (index_t i = first; i < first + n / 2; ++i) {
        const T e = x[i] - p[i];
        const auto here = abs(e) == size;
        const T outward = select(here, mended, step);
        size = select(here, none, size);
        p[i] = p[i] + select(e < T(0.0f), -outward, outward);
      }
    };
    mend_part(0, at);
    mend_part(n / 2, select(in_a, none, at));
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

 private:
  template <class T>
  OPENQUANT_HD static auto is_even(T x) {
    const T half = x * T(0.5f);
    return round_even(half) == half;
  }
};

}  // namespace openquant::lattice
