// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

namespace openquant::quantizer::code {

/// The sum of four random bytes: a linear congruence of the state, its bytes added. No table.
///
/// Error:   see docs/quantizer/trellis.md; the raw values have a deviation of 1
/// Source:  Tseng et al., "QTIP", arXiv 2406.11235, Sec. 3.2.1 (1MAD)
struct one_mad {
  static std::string name() { return "one_mad"; }

  template <int B, int L>
  static float value(std::uint32_t state) {
    static_assert(1 <= B && B <= 4);
    constexpr float scale[] = {0.868f, 1.014f, 1.055f, 1.066f};
    return raw(state) * scale[B - 1];
  }

  /// As published, of deviation 1.
  static float raw(std::uint32_t state) {
    const std::uint32_t x = state * 34038481u + 76625530u;
    const std::uint32_t sum = (x & 255u) + (x >> 8 & 255u) + (x >> 16 & 255u) + (x >> 24);
    return (static_cast<float>(sum) - 510.0f) / 147.800537109375f;
  }
};

}  // namespace openquant::quantizer::code
