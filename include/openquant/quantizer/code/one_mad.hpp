// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>

namespace openquant::quantizer::code {

/// The sum of four random bytes: a linear congruence of the state, its bytes added. No table.
///
/// Error:   see docs/quantizer/trellis.md; the raw values have a deviation of 1
/// Source:  Tseng et al., "QTIP", arXiv 2406.11235, Sec. 3.2.1 (1MAD)
struct one_mad {
  static std::string name() { return "one_mad"; }

  template <int B, int L>
  OPENQUANT_HD static float value(std::uint32_t state) {
    return (byte_sum(state) - 510.0f) * factor<B>;
  }
  /// The values of as many states as T has lanes; over factor<B>, what they are multiples of.
  template <int B, int L, class T>
  OPENQUANT_HD static T lanes(const lane_int_t<T>& state) {
    return multiples<B, L, T>(state) * T(factor<B>);
  }
  template <int B, int L, class T>
  OPENQUANT_HD static T multiples(const lane_int_t<T>& state) {
    if constexpr (lane_count<T> == 1) {
      return byte_sum(static_cast<std::uint32_t>(state)) - 510.0f;
    } else {
      using Int = lane_int_t<T>;
      return to_float(add_bytes(Int(-510), state * Int(34038481) + Int(76625530)));
    }
  }
  template <int B>
  requires(1 <= B && B <= 4) static constexpr float factor = vec<float, 4>{0.868f, 1.014f, 1.055f,
                                                                           1.066f}[B - 1] /
                                                             147.800537109375f;

  /// As published, of deviation 1.
  static float raw(std::uint32_t state) { return (byte_sum(state) - 510.0f) / 147.800537109375f; }

 private:
  OPENQUANT_HD static float byte_sum(std::uint32_t state) {
    const std::uint32_t x = state * 34038481u + 76625530u;
    return static_cast<float>((x & 255u) + (x >> 8 & 255u) + (x >> 16 & 255u) + (x >> 24));
  }
};

}  // namespace openquant::quantizer::code
