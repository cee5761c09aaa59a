// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <tuple>
#include <type_traits>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/quantizer/e8_ball.hpp>
#include <openquant/quantizer/e8p_codebook.hpp>
#include <openquant/quantizer/e8p_lanes.hpp>
#include <openquant/quantizer/e8p_residual.hpp>
#include <openquant/quantizer/gaussian_scale.hpp>

namespace openquant::quantizer {

/// QuIP#'s codebooks of E8: eight weights are a point of E8P, 16 bits (B = 2), plus for B = 3 one
/// of 256 short points of E8 and for B = 4 another of E8P, smaller by `ratio`.
///
/// Shapes:  8 weights; one field of 16 or 24 bits, or two of 16, the first stage lowest
/// Error:   .0912, .0288, .00795 sigma^2 at B = 2, 3, 4 on N(0, sigma^2)
/// Bits:    B a weight, 16 a group (0 unscaled)
/// Cost:    one search of E8P to encode, for B > 2 four or six, and two or three of the second
///          stage; a scale is searched by losses, for B > 2 those of `either_sum`,
///          at B = 4 sifted by those of `nearest_sum`
/// Source:  Tseng et al., "QuIP#", arXiv 2402.04396, Secs. 4.2 and 4.3; the scales and the joint
///          search are ours
template <int B>
struct e8p {
  static_assert(2 <= B && B <= 4, "e8p<B>: B is 2, 3 or 4 bits");
  static constexpr index_t dim = 8;
  static constexpr int code_bits = 8 * B;
  static constexpr index_t code_fields = B == 4 ? 2 : 1;
  static constexpr index_t scale_fields = 1;  // sigma
  static constexpr bool nearest = B == 2, linear = true;

  /// Of the first stage's lattice, in sigma; ratio and overshoot of the second. Tuned together on
  /// N(0,1), to 1/50 of the first two (alone at B = 2 to 1/200) and 1/20 of the last.
  static constexpr float spacing = B == 2 ? 1 / 1.04f : B == 3 ? 1.0f : 1.1f;
  static constexpr float linear_unit = B == 2 ? 1.04f : B == 3 ? 1.0f : 1 / 1.1f;
  static_assert(linear_unit * spacing == 1);
  using second = std::conditional_t<B == 3, e8_ball, e8p_codebook>;
  static constexpr e8p_residual<second> stages =
      B == 3 ? e8p_residual<second>{1.75f, 1.65f} : e8p_residual<second>{3.65f, 1.35f};

  gaussian_fit fit_by = gaussian_fit::weighted;

  static std::string name() { return "e8p<" + std::to_string(B) + ">"; }
  int scale_bits() const { return gaussian_scale_bits(fit_by); }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.fit_by);
  }

  template <class T>
  OPENQUANT_HD vec<lane_int_t<T>, code_fields> encode(const vec<T, 8>& x,
                                                      const vec<T, 1>& s) const {
    const T inverse = select(s[0] > T(0.0f), T(1.0f) / (s[0] * T(spacing)), T(0.0f));
    constexpr float farthest = B == 2 ? 1e36f : 1e16f;  // squares stay finite
    vec<T, 8> u;
    for (index_t i = 0; i < 8; ++i) u[i] = min(max(x[i] * inverse, T(-farthest)), T(farthest));
    if constexpr (B == 2) {
      return {e8p_codebook::nearest(u)};
    } else {
      constexpr e8p_residual<second> sums = stages;  // a copy, which device code can read
      const auto found = sums.search(u);
      if constexpr (B == 3)
        return {found.first | (found.second << 16)};
      else
        return {found.first, found.second};
    }
  }

  template <class T, class Int>
  OPENQUANT_HD vec<T, 8> decode(const vec<Int, code_fields>& c, const vec<T, 1>& s) const {
    const T unit = s[0] * T(spacing);
    constexpr e8p_residual<second> sums = stages;  // a copy, which device code can read
    if constexpr (B == 2)
      return e8p_codebook::point<T>(c[0]) * unit;
    else if constexpr (B == 3)
      return sums.template point<T>(c[0] & Int(65535), c[0] >> 16) * unit;
    else
      return sums.template point<T>(c[0], c[1]) * unit;
  }

  static constexpr index_t table_size = 256;
  static std::span<const std::uint16_t, table_size> table() {
    return e8p_codebook::table.magnitude;
  }
  template <class T>
  OPENQUANT_HD vec<T, 8> decode(const vec<std::int32_t, code_fields>& c, const vec<T, 1>& s,
                                const std::uint16_t* magnitude) const {
    const T unit = s[0] * T(spacing);
    constexpr e8p_residual<second> sums = stages;
    if constexpr (B == 2)
      return e8p_codebook::point<T>(c[0], magnitude) * unit;
    else if constexpr (B == 3)
      return sums.template point<T>(c[0] & 65535, c[0] >> 16, magnitude) * unit;
    else
      return sums.template point<T>(c[0], c[1], magnitude) * unit;
  }

  /// Two words of a row at a time, which are four codes of E8P.
  static constexpr index_t lane_blocks = 8 / B;
  template <class T>
  requires(B != 3 && has_byte_maps<T>) OPENQUANT_INLINE
      static e8p_lanes<T> read_lanes(const std::int32_t* words, index_t stride) {
    return e8p_lanes<T>::read(load_int<T>(words), load_int<T>(words + stride));
  }
  template <class T, index_t k>
  OPENQUANT_INLINE T lane_column(const e8p_lanes<T>& codes, const vec<T, 1>& s) const {
    constexpr index_t block = k / dim, i = k % dim;
    constexpr vec<float, 16> coarse = e8p_lanes<T>::values(1);
    constexpr vec<float, 16> fine = e8p_lanes<T>::values(1 / stages.ratio);
    const T unit = s[0] * T(spacing);
    if constexpr (B == 2)
      return codes.template coordinate<block, i>(coarse.x) * unit;
    else
      return (codes.template coordinate<2 * block, i>(coarse.x) +
              codes.template coordinate<2 * block + 1, i>(fine.x)) *
             unit;
  }

  static constexpr float loss_unit = spacing;
  template <class T>
  requires(B == 2) OPENQUANT_HD T loss(const vec<T, 8>& u, const vec<T, 8>& h)
  const { return e8p_codebook::find(u).loss(h); }

  /// What scales of two stages are searched by: sums of which it is not asked whether they are
  /// found again. Scales so found code with 1 (B = 3) or 2 % (B = 4) more error at most than where
  /// every candidate is coded, on groups of 128 from N(0,1).
  struct either_sum {
    static constexpr index_t dim = e8p::dim, scale_fields = e8p::scale_fields;
    static constexpr float loss_unit = spacing;
    template <class T>
    OPENQUANT_HD T loss(const vec<T, 8>& u, const vec<T, 8>& h) const {
      constexpr e8p_residual<second> sums = stages;
      return sums.loss(u, h);
    }
  };

  /// What the first candidates at 4 bits are sifted by: sums with the nearest point of E8P.
  struct nearest_sum {
    static constexpr index_t dim = e8p::dim, scale_fields = e8p::scale_fields;
    static constexpr float loss_unit = spacing;
    template <class T>
    OPENQUANT_HD T loss(const vec<T, 8>& u, const vec<T, 8>& h) const {
      constexpr e8p_residual<second> sums = stages;
      return sums.loss_of_nearest(u, h);
    }
  };

  template <class T>
  OPENQUANT_HD vec<T, 1> fit(const group_view<T>& group) const {
    if constexpr (B == 2)
      return fit_gaussian_scale(*this, group, fit_by);
    else if constexpr (B == 3)
      return fit_gaussian_scale(either_sum{}, group, fit_by);
    else
      return fit_gaussian_scale(either_sum{}, group, fit_by, nearest_sum{});
  }
  OPENQUANT_HD std::uint64_t pack(const vec<float, 1>& s) const {
    return pack_gaussian_scale(s, fit_by);
  }
  OPENQUANT_HD vec<float, 1> unpack(std::uint64_t bits) const {
    return unpack_gaussian_scale(bits, fit_by);
  }
};

static_assert(Quantizer<e8p<2>> && Quantizer<e8p<3>> && Quantizer<e8p<4>>);

}  // namespace openquant::quantizer
