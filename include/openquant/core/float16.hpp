// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstdint>

#include <openquant/core/config.hpp>

/// IEEE binary16 and bfloat16 as bits, and their exact conversions. Neither compiler of Debian 12
/// has both types everywhere, so they are integers here, the same on every machine.
namespace openquant {

/// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits; largest finite value 65504.
struct float16 {
  std::uint16_t bits = 0;
  friend constexpr bool operator==(float16, float16) = default;
};

/// The upper half of binary32: 1 sign, 8 exponent, 7 fraction bits.
struct bfloat16 {
  std::uint16_t bits = 0;
  friend constexpr bool operator==(bfloat16, bfloat16) = default;
};

/// Exact.
constexpr float to_float(bfloat16 h) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(h.bits) << 16);
}

/// Exact, subnormal numbers, infinities and NaN included.
constexpr float to_float(float16 h) {
  const std::uint32_t sign = (h.bits & 0x8000u) << 16, magnitude = h.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude << 13));
  // The fraction read as a binary32 is 2^-112 times too small; the product is exact.
  const float value = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

/// Nearest, ties to even; overflow to infinity, NaN to a quiet NaN.
constexpr bfloat16 to_bfloat16(float x) {
  const auto word = std::bit_cast<std::uint32_t>(x);
  if ((word & 0x7fffffffu) > 0x7f800000u) {
    return {static_cast<std::uint16_t>((word >> 16) | 0x0040u)};
  }
  return {static_cast<std::uint16_t>((word + 0x7fffu + ((word >> 16) & 1u)) >> 16)};
}

/// Nearest, ties to even; overflow to infinity, NaN to a quiet NaN.
constexpr float16 to_float16(float x) {
  const auto word = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (word >> 16) & 0x8000u, magnitude = word & 0x7fffffffu;
  std::uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u;
  } else if (magnitude >= 0x47800000u) {  // 2^16 and above, infinity
    half = 0x7c00u;
  } else if (magnitude < 0x38800000u) {  // below 2^-14: a multiple of 2^-24, rounded by the adder
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  } else {  // rebias the exponent, round the 13 bits away; a carry into the exponent is right
    half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  }
  return {static_cast<std::uint16_t>(sign | half)};
}

}  // namespace openquant
