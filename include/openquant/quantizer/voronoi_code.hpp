// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/concepts/lattice.hpp>
#include <openquant/core/lane.hpp>
#include <openquant/core/random.hpp>

namespace openquant::quantizer {

/// The Voronoi code of a lattice modulo q times itself, and one of four scales, as a number below
/// 4 q^n in fields of equal width.
///
///   digits(p)            coordinates of the lattice point p modulo q, n integers in [0, q)
///   representative(c)    the point of that coset in the Voronoi cell of q Lattice about a small
///                        offset, which keeps boundaries off the lattice
///   nearest(u, step)     digits of the point nearest to u / step
///   draw_in(u, ...)      u, or what of it lies on a sphere inside the cell of q step Lattice
///   join(c, t), split    the number ((c_{n-1} q + ...) q + c_0) 4 + t, lowest bits in field 0
///
/// Source:  Conway & Sloane, "A fast encoding method for lattice codes and quantizers", IEEE Trans.
///          Inf. Theory 29(6), 1983
template <Lattice L, int q>
struct voronoi_code {
  static_assert(2 <= q && q <= 255, "voronoi<Lattice, q>: q is 2 to 255");
  static constexpr index_t dim = L::dim;
  static constexpr int radix = q;
  static constexpr int scales = 4;

  /// volume^(1/n): the lattice over it has unit volume.
  static constexpr double unit_length = [] {
    double x = L::volume > 1 ? L::volume : 1.0;  // Newton's iteration for x^n = volume, from above
    for (double step = 1; step > 1e-15 * x;) {
      double power = 1;
      for (index_t i = 1; i < dim; ++i) power *= x;
      step = (x - L::volume / power) / static_cast<double>(dim);
      x -= step;
    }
    return x;
  }();

  /// The least b with 2^b >= scales q^n.
  static constexpr int information_bits = [] {
    int bits = 0;
    double rest = scales;  // scales q^(digits so far) / 2^bits
    for (index_t i = 0; i < dim; ++i) {
      rest *= q;
      while (rest > 1) rest /= 2, ++bits;
    }
    return bits;
  }();
  /// As few bits as up to 12 fields allow, or as the first number of them that does, in as few
  /// fields as keep q 2^width below 2^20: divisions are then exact in float.
  struct layout {
    index_t fields;
    int field_bits;
  };
  static constexpr layout chosen = [] {
    layout best{0, 0};
    for (index_t f = 1; f <= 12 || best.fields == 0; ++f) {
      const int count = static_cast<int>(f), width = (information_bits + count - 1) / count;
      const bool fits = width < 20 && (q << width) <= (1 << 20);
      if (!fits) continue;
      if (best.fields == 0 || width * count < best.field_bits * static_cast<int>(best.fields)) {
        best = {f, width};
      }
    }
    return best;
  }();
  static constexpr index_t fields = chosen.fields;
  static constexpr int field_bits = chosen.field_bits;

  template <class T>
  OPENQUANT_HD static vec<T, dim> digits(const vec<T, dim>& p) {
    vec<T, dim> c = L::coordinates(p);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < dim; ++i) c[i] = c[i] - T(q) * quotient(c[i], q);
    return c;
  }

  template <class T>
  OPENQUANT_HD static vec<T, dim> representative(const vec<T, dim>& c) {
    const vec<T, dim> p = L::point(c);
    return p - L::nearest(in_cells(p)) * T(q);
  }
  /// True where the lattice point p is representative(digits(p)), so is in the cell.
  template <class T>
  OPENQUANT_HD static auto represents_itself(const vec<T, dim>& p) {
    if constexpr (requires { L::gauge(p); })
      return L::gauge(in_cells(p)) < T(1.0f);
    else
      return squared_norm(L::nearest(in_cells(p))) == T(0.0f);
  }

  /// Beyond +-32768 steps u is cut off: coordinates then stay below 2^20.
  template <class T>
  OPENQUANT_HD static vec<T, dim> nearest(const vec<T, dim>& u, float step) {
    vec<T, dim> v = u * T(1 / step);
    for (index_t i = 0; i < dim; ++i) v[i] = min(max(v[i], T(-32768.0f)), T(32768.0f));
    return digits(L::nearest(v));
  }

  /// Points whose norm exceeds the radius of the cell's sphere, less half a step for rounding, are
  /// shrunk to it; `radius` is that of the lattice at unit volume.
  template <class T>
  OPENQUANT_HD static vec<T, dim> draw_in(const vec<T, dim>& u, float radius, float step) {
    const float unit = step * static_cast<float>(unit_length);
    const T reach = T((radius * static_cast<float>(q) - 0.5f) * unit), norm = sqrt(squared_norm(u));
    return u * select(norm > reach, reach / norm, T(1.0f));
  }

  template <class T>
  OPENQUANT_HD static vec<lane_int_t<T>, fields> join(const vec<T, dim>& c, T t) {
    vec<T, fields> number;
    for (index_t f = 0; f < fields; ++f) number[f] = T(0.0f);
    const auto append = [&](int radix, T digit) {
      for (index_t f = 0; f < fields; ++f) {
        const T value = number[f] * T(static_cast<float>(radix)) + digit;
        digit = quotient(value, 1 << field_bits);
        number[f] = value - digit * T(static_cast<float>(1 << field_bits));
      }
    };
    for (index_t i = dim - 1; i >= 0; --i) append(q, c[i]);
    append(scales, t);
    vec<lane_int_t<T>, fields> code;
    for (index_t f = 0; f < fields; ++f) code[f] = to_int(number[f]);
    return code;
  }

  template <class T, class Int>
  OPENQUANT_HD static void split(const vec<Int, fields>& code, vec<T, dim>& c, T& t) {
    vec<T, fields> number;
    for (index_t f = 0; f < fields; ++f) number[f] = to_float(code[f]);
    const auto remove = [&](int radix) {
      T rest = T(0.0f);
      for (index_t f = fields - 1; f >= 0; --f) {
        const T value = rest * T(static_cast<float>(1 << field_bits)) + number[f];
        number[f] = quotient(value, radix);
        rest = value - number[f] * T(static_cast<float>(radix));
      }
      return rest;
    };
    t = remove(scales);
    for (index_t i = 0; i < dim; ++i) c[i] = remove(q);
  }

 private:
  /// p less the offset, over q.
  template <class T>
  OPENQUANT_HD static vec<T, dim> in_cells(const vec<T, dim>& p) {
    constexpr auto a = offset;  // a copy, which device code can read
    vec<T, dim> shifted;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < dim; ++i) shifted[i] = (p[i] - T(a[i])) * T(1.0f / q);
    return shifted;
  }

  /// floor(x / d) of an integer x: (x + 1/2) / d is at least 1 / (2 d) away from integers, so that
  /// rounding half of one less is safe while |x| is below 2^20.
  template <class T>
  OPENQUANT_HD static T quotient(T x, int d) {
    return round_even((x + T(0.5f)) * T(1.0f / static_cast<float>(d)) - T(0.5f));
  }

  /// In [1/32, 1/16), without integer relations, so that no lattice point is on the boundary: the
  /// hyperplanes between E8's cells are then 1/1000 of their distance or more from every point.
  static constexpr vec<float, dim> offset = [] {
    vec<float, dim> a{};
    for (index_t i = 0; i < dim; ++i) {
      const double x = random::uniform(2816, static_cast<std::uint64_t>(i));
      a[i] = static_cast<float>(0.03125 + 0.03125 * x);
    }
    return a;
  }();
};

}  // namespace openquant::quantizer
