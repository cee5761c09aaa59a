// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <openquant/core/lane.hpp>

/// Lanes of 32-bit integers as four bytes, or as parts of 8, 16 or 32 bits: what decoders of
/// several codes a word are written in. Here for one lane; `core/simd_bits.hpp` says it for
/// registers.
namespace openquant {

/// True where `lookup_bytes` and `map_bytes` take a few instructions. Elsewhere they give the same
/// bits, slowly, and a decoder does better without them.
template <class T>
inline constexpr bool has_byte_maps = false;

/// True where `lookup` has its table in registers or takes it from memory as a whole.
template <class T>
inline constexpr bool has_register_tables = false;

/// table[b] for every byte b of i.
OPENQUANT_HD inline std::int32_t lookup_bytes(const std::uint8_t (&table)[256], std::int32_t i) {
  std::uint32_t bytes = 0;
  for (int k = 0; k < 32; k += 8) {
    bytes |= static_cast<std::uint32_t>(table[(i >> k) & 255]) << k;
  }
  return static_cast<std::int32_t>(bytes);
}

/// A linear map of the bits of every byte: bit i is the parity of the byte's bits in the mask
/// (rows >> 8 i) mod 256. Int is `lane_int_t` of any lane type.
template <std::uint64_t rows, class Int>
OPENQUANT_HD Int map_bytes(Int x) {
  Int mapped = Int(0);
  for (int i = 0; i < 8; ++i) {
    const auto mask = static_cast<std::uint32_t>((rows >> (8 * i)) & 255) * 0x01010101u;
    Int bits = x & Int(static_cast<std::int32_t>(mask));
    bits = bits ^ ((bits >> 4) & Int(0x0f0f0f0f));
    bits = bits ^ ((bits >> 2) & Int(0x03030303));
    bits = (bits ^ (bits >> 1)) & Int(0x01010101);
    mapped = mapped | (bits << i);
  }
  return mapped;
}

/// Each part of `width` bits, 8, 16 or 32: its lowest bit is the parity of the part, the others
/// mean nothing. Int is `lane_int_t` of any lane type.
template <int width, class Int>
OPENQUANT_HD Int parities(Int x) {
  static_assert(width == 8 || width == 16 || width == 32);
  if (width == 32) x = x ^ (x >> 16);
  if (width >= 16) x = x ^ (x >> 8);
  x = x ^ (x >> 4);
  x = x ^ (x >> 2);
  return x ^ (x >> 1);
}

}  // namespace openquant
