// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>
#include <tuple>

#include <openquant/concepts/lattice.hpp>
#include <openquant/concepts/quantizer.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/lattice/leech.hpp>
#include <openquant/quantizer/gaussian_scale.hpp>
#include <openquant/quantizer/voronoi_code.hpp>

namespace openquant::quantizer {

/// What voronoi<Lattice, q> knows of a lattice, scaled to unit volume: four scales beta, ascending,
/// in sigma, chosen by choose_voronoi_scales on a grid of quarters (they hardly depend on q), and
/// the radius of the sphere in its Voronoi cell, half the length of its shortest vectors.
struct voronoi_shape {
  std::array<float, 4> beta;
  float radius;
};
/// The first line is for lattices that have none of their own.
template <class L>
inline constexpr voronoi_shape voronoi_shape_of = {{3.25f, 4.0f, 5.0f, 6.5f}, 0.7f};
template <>
inline constexpr voronoi_shape voronoi_shape_of<lattice::d_plus<4>> = {{3.0f, 4.0f, 5.25f, 7.25f},
                                                                       0.5f};
template <>
inline constexpr voronoi_shape voronoi_shape_of<lattice::e8> = {{3.25f, 4.0f, 5.0f, 6.5f},
                                                                0.70710678f};
template <>
inline constexpr voronoi_shape voronoi_shape_of<lattice::d_plus<12>> = {{3.25f, 4.0f, 5.0f, 6.5f},
                                                                        0.70710678f};
template <>
inline constexpr voronoi_shape voronoi_shape_of<lattice::leech> = {{3.75f, 4.25f, 4.75f, 6.0f},
                                                                   1.0f};

/// Nested lattice codes: the points of Lattice modulo q Lattice, one of them in the Voronoi cell of
/// each coset, at the best of four scales beta sigma / q. A small beta is fine and soon overloads,
/// a large one is coarse and reaches far; four of them follow a Gaussian's radius. Further out
/// points are drawn to a sphere inside the largest cell.
///
/// Shapes:  any lattice; n weights
/// Error:   .00572 sigma^2 at q = 14, .00664 at q = 13 for E8 on N(0, sigma^2); .00629 and .00594
/// at q = 14
///          for D_12+ and the Leech lattice
/// Bits:    n log2 q + 2 a point rounded up, filled up where fields of equal width need it: 33 for
///          E8 at q = 14, 32 at q = 13; 48 for D_12+ and 96 for the Leech lattice at q = 14; 16 a
///          group (0 unscaled)
/// Cost:    10 nearest points to encode, 1 to decode
/// Source:  Conway & Sloane, "A fast encoding method for lattice codes and quantizers", IEEE Trans.
///          Inf. Theory 29(6), 1983; Savkin et al., "NestQuant", arXiv 2502.09720, Sec. 4 (without
///          the sphere)
template <Lattice L, int q>
struct voronoi {
  using code = voronoi_code<L, q>;
  static constexpr index_t dim = L::dim;
  static constexpr index_t code_fields = code::fields;
  static constexpr int code_bits = code::field_bits * static_cast<int>(code::fields);
  static constexpr index_t scale_fields = 1;  // sigma
  static constexpr int scales = code::scales;
  /// What the lattice is multiplied by at scale t.
  static constexpr float step(int t) { return steps[t]; }
  static constexpr vec<float, scales> steps = [] {
    vec<float, scales> all{};
    for (int t = 0; t < scales; ++t) {
      const auto beta = static_cast<double>(voronoi_shape_of<L>.beta[static_cast<std::size_t>(t)]);
      all[t] = static_cast<float>(beta / (q * code::unit_length));
    }
    return all;
  }();

  gaussian_fit fit_by = gaussian_fit::weighted;

  static std::string name() { return "voronoi<" + L::name() + "," + std::to_string(q) + ">"; }
  int scale_bits() const { return gaussian_scale_bits(fit_by); }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.fit_by);
  }

  template <class T>
  OPENQUANT_HD vec<lane_int_t<T>, code_fields> encode(const vec<T, dim>& x,
                                                      const vec<T, 1>& s) const {
    constexpr auto step = steps;  // copies, which device code can read
    constexpr float radius = voronoi_shape_of<L>.radius;
    const T inverse = select(s[0] > T(0.0f), T(1.0f) / s[0], T(0.0f));
    vec<T, dim> u, best_digits{};
    for (index_t i = 0; i < dim; ++i) u[i] = min(max(x[i] * inverse, T(-1e16f)), T(1e16f));
    const vec<T, dim> drawn = code::draw_in(u, radius, step[scales - 1]);
    T best_error = T(3e38f), best_scale = T(0.0f);
    for (int attempt = 0; attempt <= scales; ++attempt) {
      const int t = attempt < scales ? attempt : scales - 1;
      const vec<T, dim> digits = code::nearest(attempt == scales ? drawn : u, step[t]);
      const vec<T, dim> y = code::representative(digits) * T(step[t]);
      T error = T(0.0f);  // less |u|^2, which far out would drown the differences
      for (index_t i = 0; i < dim; ++i) error = error + y[i] * (y[i] - u[i] - u[i]);
      const auto better = error < best_error;
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
    constexpr auto step = steps;  // a copy, which device code can read
    vec<T, dim> digits;
    T t;
    code::split(c, digits, t);
    T unit = T(step[0]);
    OPENQUANT_UNROLL
    for (int k = 1; k < scales; ++k) {
      unit = select(t == T(static_cast<float>(k)), T(step[k]), unit);
    }
    return code::representative(digits) * (unit * s[0]);
  }

  /// Nearest points outside the cell, which encode finds to be far off on its other side, are
  /// dropped before that.
  static constexpr float loss_unit = 1;
  template <class T>
  OPENQUANT_HD T loss(const vec<T, dim>& u, const vec<T, dim>& h) const {
    constexpr auto step = steps, per_step = [] {
      vec<float, scales> inverse{};
      for (int t = 0; t < scales; ++t) inverse[t] = 1 / steps[t];
      return inverse;
    }();
    T best_error = T(3e38f);
    vec<T, dim> best = u;
    const auto attempt = [&](const vec<T, dim>& target, int t) OPENQUANT_INLINE_LAMBDA {
      const vec<T, dim> p = L::nearest(target * T(per_step[t]));
      const vec<T, dim> error = u - p * T(step[t]);
      const T squared = select(code::represents_itself(p), squared_norm(error), T(3e38f));
      const auto better = squared < best_error;
      best_error = select(better, squared, best_error);
      OPENQUANT_UNROLL
      for (index_t i = 0; i < dim; ++i) best[i] = select(better, error[i], best[i]);
    };
    OPENQUANT_UNROLL
    for (int t = 0; t < scales; ++t) attempt(u, t);
    attempt(code::draw_in(u, voronoi_shape_of<L>.radius, step[scales - 1]), scales - 1);
    T sum = T(0.0f);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < dim; ++i) sum = sum + h[i] * (best[i] * best[i]);
    return sum;
  }

  template <class T>
  OPENQUANT_HD vec<T, 1> fit(const group_view<T>& group) const {
    return fit_gaussian_scale(*this, group, fit_by);
  }
  OPENQUANT_HD std::uint64_t pack(const vec<float, 1>& s) const {
    return pack_gaussian_scale(s, fit_by);
  }
  OPENQUANT_HD vec<float, 1> unpack(std::uint64_t bits) const {
    return unpack_gaussian_scale(bits, fit_by);
  }
};

static_assert(Quantizer<voronoi<lattice::e8, 14>>);

}  // namespace openquant::quantizer
