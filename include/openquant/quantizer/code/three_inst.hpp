// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <string>

#include <openquant/core/float16.hpp>

namespace openquant::quantizer::code {

/// The sum of two random halves: one multiplication, addition, mask and exclusive or of the state
/// leave two fp16 numbers, each of random sign, fraction and low exponent. No table.
///
/// Error:   see docs/quantizer/trellis.md; the raw values have a deviation of 1.244 (L = 16), so
/// they
///          are scaled to what the trellis wants: sqrt(1 - 4^-B), a little above it from 2 bits on
/// Source:  Tseng et al., "QTIP", arXiv 2406.11235, Sec. 3.2.1 (3INST)
struct three_inst {
  static std::string name() { return "three_inst"; }

  template <int B, int L>
  static float value(std::uint32_t state) {
    static_assert(1 <= B && B <= 4);
    constexpr float scale[] = {0.703f, 0.808f, 0.845f, 0.870f};
    return raw(state) * scale[B - 1];
  }

  /// As published, of deviation 1.244.
  static float raw(std::uint32_t state) {
    const std::uint32_t x = ((state * 89226354u + 64248484u) & 0x8fff8fffu) ^ 0x3b603b60u;
    return to_float(float16{static_cast<std::uint16_t>(x >> 16)}) +
           to_float(float16{static_cast<std::uint16_t>(x)});
  }
};

}  // namespace openquant::quantizer::code
