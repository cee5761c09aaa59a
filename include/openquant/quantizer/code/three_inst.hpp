// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <string>

#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>

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
  OPENQUANT_HD static float value(std::uint32_t state) {
    return raw(state) * factor<B>;
  }
  /// The values of as many states as T has lanes; over factor<B>, what they are multiples of.
  template <int B, int L, class T>
  OPENQUANT_HD static T lanes(const lane_int_t<T>& state) {
    return multiples<B, L, T>(state) * T(factor<B>);
  }
  template <int B, int L, class T>
  OPENQUANT_HD static T multiples(const lane_int_t<T>& state) {
    if constexpr (lane_count<T> == 1) {
      return raw(static_cast<std::uint32_t>(state));
    } else {
      using Int = lane_int_t<T>;
      const Int x = ((state * Int(89226354) + Int(64248484)) & Int(~0x70007000)) ^ Int(0x3b603b60);
      return upper_half<T>(x) + upper_half<T>(x << 16);
    }
  }
  template <int B>
  requires(1 <= B && B <= 4) static constexpr float factor = vec<float, 4>{0.703f, 0.808f, 0.845f,
                                                                           0.870f}[B - 1];

  /// As published, of deviation 1.244.
  OPENQUANT_HD static float raw(std::uint32_t state) {
    const std::uint32_t x = ((state * 89226354u + 64248484u) & 0x8fff8fffu) ^ 0x3b603b60u;
    return upper_half(x) + upper_half(x << 16);
  }

 private:
  /// The fp16 number in the upper half of each integer, whose exponent field is 12 to 15: moved to
  /// its place in a float, the exponent wants 112 more, which shares no bit with it.
  OPENQUANT_HD static float upper_half(std::uint32_t x) {
    const std::uint32_t magnitude = ((x >> 3) & 0x0fffe000u) + (112u << 23);
    return bit_float(static_cast<std::int32_t>(magnitude | (x & 0x80000000u)));
  }
  template <class T>
  static T upper_half(const lane_int_t<T>& x) {
    using Int = lane_int_t<T>;
    const Int sign_and_fraction(static_cast<std::int32_t>(0x8fffe000));
    return bit_float(((x >> 3) & sign_and_fraction) | Int(112 << 23));
  }
};

}  // namespace openquant::quantizer::code
