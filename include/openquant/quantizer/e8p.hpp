// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <tuple>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/float16.hpp>
#include <openquant/quantizer/e8p_codebook.hpp>
#include <openquant/quantizer/gaussian_scale.hpp>

namespace openquant::quantizer {

template <int B>
struct e8p {
  static constexpr index_t dim = 8;
  static constexpr int code_bits = 8 * B;
  static constexpr index_t scale_fields = 1;  // sigma
  static constexpr bool nearest = true;
  static constexpr float spacing = 1 / 1.04f;

  gaussian_fit fit_by = gaussian_fit::weighted;

  static std::string name() { return "e8p<" + std::to_string(B) + ">"; }
  int scale_bits() const { return fit_by == gaussian_fit::none ? 0 : 16; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.fit_by);
  }

  template <class T>
  OPENQUANT_HD lane_int_t<T> encode(const vec<T, 8>& x, const vec<T, 1>& s) const {
    const T inverse = select(s[0] > T(0.0f), T(1.0f) / (s[0] * T(spacing)), T(0.0f));
    vec<T, 8> u;
    for (index_t i = 0; i < 8; ++i) u[i] = min(max(x[i] * inverse, T(-1e36f)), T(1e36f));
    return e8p_codebook::nearest(u);
  }
  template <class T, class Code>
  OPENQUANT_HD vec<T, 8> decode(const Code& c, const vec<T, 1>& s) const {
    return e8p_codebook::point<T>(c) * (s[0] * T(spacing));
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

static_assert(Quantizer<e8p<2>>);

}  // namespace openquant::quantizer
