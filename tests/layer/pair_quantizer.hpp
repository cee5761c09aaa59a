// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <tuple>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/float16.hpp>

namespace openquant::test {

/// Two weights in one 4-bit code, 2 bits each: levels +-1/2 and +-3/2 steps. The smallest quantizer
/// with d > 1, so that a solver which compensates inside a block, or cuts one, fails.
struct pair_quantizer {
  static constexpr index_t dim = 2;
  static constexpr int code_bits = 4;
  static constexpr index_t scale_fields = 1;  // step

  static std::string name() { return "pair"; }
  int scale_bits() const { return 16; }

  template <class T>
  lane_int_t<T> encode(const vec<T, 2>& x, const vec<T, 1>& s) const {
    const T inverse = select(s[0] > T(0.0f), T(1.0f) / s[0], T(0.0f));
    const auto level = [&](T value) {
      return min(max(round_even(value * inverse + T(1.5f)), T(0.0f)), T(3.0f));
    };
    return to_int(level(x[0]) + level(x[1]) * T(4.0f));
  }

  template <class T, class Code>
  vec<T, 2> decode(const Code& c, const vec<T, 1>& s) const {
    return {(to_float(c & Code(3)) - T(1.5f)) * s[0], (to_float(c >> 2) - T(1.5f)) * s[0]};
  }

  template <class T>
  vec<T, 1> fit(const group_view<T>& group) const {
    T bound = T(0.0f);
    for (index_t j = 0; j < group.size(); ++j) bound = max(bound, abs(group[j]));
    return {bound * T(0.4f)};
  }

  std::uint64_t pack(const vec<float, 1>& s) const { return to_float16(s[0]).bits; }
  vec<float, 1> unpack(std::uint64_t bits) const {
    return {to_float(float16{static_cast<std::uint16_t>(bits)})};
  }
};

static_assert(Quantizer<pair_quantizer>);

}  // namespace openquant::test
