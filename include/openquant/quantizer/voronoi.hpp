// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>
#include <tuple>

#include <openquant/concepts/lattice.hpp>
#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/float16.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/gaussian_scale.hpp>
#include <openquant/quantizer/voronoi_code.hpp>

namespace openquant::quantizer {

/// The four scales beta of a lattice of unit volume, ascending, in sigma: chosen by
/// choose_voronoi_scales on a grid of quarters. They hardly depend on q. The first line is for
/// lattices that have none of their own.
template <class L>
inline constexpr std::array<float, 4> voronoi_beta = {3.5f, 4.5f, 5.5f, 7.5f};
template <>
inline constexpr std::array<float, 4> voronoi_beta<lattice::d_plus<4>> = {3.25f, 4.5f, 6.0f, 10.0f};
template <>
inline constexpr std::array<float, 4> voronoi_beta<lattice::e8> = {3.25f, 4.25f, 5.25f, 7.5f};
template <>
inline constexpr std::array<float, 4> voronoi_beta<lattice::d_plus<12>> = {3.5f, 4.5f, 5.5f, 7.5f};

/// Nested lattice codes: the points of Lattice modulo q Lattice, one of them in the Voronoi cell of
/// each coset, at the best of four scales beta sigma / q. A small beta is fine and soon overloads,
/// a large one is coarse and reaches far; four of them follow a Gaussian's radius.
///
/// Shapes:  any lattice; n weights
/// Error:   .00590 sigma^2 at q = 14, .00682 at q = 13 for E8 on N(0, sigma^2); .00643 at q = 14
///          for D_12+
/// Bits:    n log2 q + 2 a point rounded up, filled up where fields of equal width need it: 33 for
///          E8 at q = 14, 32 at q = 13; 48 for D_12+ at q = 14; 16 a group (0 unscaled)
/// Cost:    8 nearest points to encode, 1 to decode
/// Range:   weights beyond 32768 beta / q sigma count as nearer
/// Source:  Conway & Sloane, "A fast encoding method for lattice codes and quantizers", IEEE Trans.
///          Inf. Theory 29(6), 1983; Savkin et al., "NestQuant", arXiv 2502.09720, Sec. 4
template <Lattice L, int q>
struct voronoi {
  using code = voronoi_code<L, q>;
  static constexpr index_t dim = L::dim;
  static constexpr index_t code_fields = code::fields;
  static constexpr int code_bits = code::field_bits * static_cast<int>(code::fields);
  static constexpr index_t scale_fields = 1;  // sigma
  static constexpr int scales = code::scales;
  /// What the lattice is multiplied by at scale t.
  static constexpr float step(int t) {
    return static_cast<float>(static_cast<double>(voronoi_beta<L>[static_cast<std::size_t>(t)]) /
                              (q * code::unit_length));
  }

  gaussian_fit fit_by = gaussian_fit::weighted;

  static std::string name() { return "voronoi<" + L::name() + "," + std::to_string(q) + ">"; }
  int scale_bits() const { return fit_by == gaussian_fit::none ? 0 : 16; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.fit_by);
  }

  template <class T>
  OPENQUANT_HD vec<lane_int_t<T>, code_fields> encode(const vec<T, dim>& x,
                                                      const vec<T, 1>& s) const {
    const T inverse = select(s[0] > T(0.0f), T(1.0f) / s[0], T(0.0f));
    vec<T, dim> u, best_digits;
    for (index_t i = 0; i < dim; ++i) u[i] = min(max(x[i] * inverse, T(-1e4f)), T(1e4f));
    T best_error = T(0.0f), best_scale = T(0.0f);
    for (int t = 0; t < scales; ++t) {
      vec<T, dim> v = u * T(1 / step(t));
      for (index_t i = 0; i < dim; ++i) v[i] = min(max(v[i], T(-32768.0f)), T(32768.0f));
      const vec<T, dim> digits = code::digits(L::nearest(v));
      const T error = squared_norm(u - code::representative(digits) * T(step(t)));
      const auto better = t == 0 ? error >= T(0.0f) : error < best_error;
      best_error = select(better, error, best_error);
      best_scale = select(better, T(static_cast<float>(t)), best_scale);
      for (index_t i = 0; i < dim; ++i) {
        best_digits[i] = select(better, digits[i], best_digits[i]);
      }
    }
    return code::join(best_digits, best_scale);
  }

  template <class T, class Int>
  OPENQUANT_HD vec<T, dim> decode(const vec<Int, code_fields>& c, const vec<T, 1>& s) const {
    vec<T, dim> digits;
    T t;
    code::split(c, digits, t);
    T unit = T(step(0));
    for (int k = 1; k < scales; ++k) {
      unit = select(t == T(static_cast<float>(k)), T(step(k)), unit);
    }
    return code::representative(digits) * (unit * s[0]);
  }

  template <class T>
  OPENQUANT_HD vec<T, 1> fit(const group_view<T>& group) const {
    return fit_gaussian_scale(*this, group, fit_by);
  }

  std::uint64_t pack(const vec<float, 1>& s) const {
    return fit_by == gaussian_fit::none ? 0 : to_float16(min(s[0], 65504.0f)).bits;
  }
  vec<float, 1> unpack(std::uint64_t bits) const {
    if (fit_by == gaussian_fit::none) return {1.0f};
    return {to_float(float16{static_cast<std::uint16_t>(bits)})};
  }
};

static_assert(Quantizer<voronoi<lattice::e8, 14>>);

}  // namespace openquant::quantizer
