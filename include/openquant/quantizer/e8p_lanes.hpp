// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>

#include <openquant/core/lane_bits.hpp>
#include <openquant/quantizer/e8p_codebook.hpp>

namespace openquant::quantizer {

/// Tables and bit matrices of `e8p_lanes`, computed by the compiler.
struct e8p_nibbles {
  std::uint8_t low[256]{}, high[256]{};  // of a pattern: two bits a coordinate, a_i - 1/2
  std::uint64_t of_pattern[4]{}, of_signs[4]{}, of_other_half = 0;
};

constexpr e8p_nibbles make_e8p_nibbles() {
  e8p_nibbles t;
  for (int i = 0; i < 256; ++i) {
    t.low[i] = static_cast<std::uint8_t>(e8p_codebook::table.magnitude[i] & 255);
    t.high[i] = static_cast<std::uint8_t>(e8p_codebook::table.magnitude[i] >> 8);
  }
  const auto row = [](int bit, std::uint64_t mask) { return mask << (8 * bit); };
  constexpr std::uint64_t odd_ones = 0x55, seven_signs = 0x7f, shift = 0x80;
  for (int pair = 0; pair < 4; ++pair) {
    for (int k = 0; k < 2; ++k) {
      const int i = 2 * pair + k, field = 2 * (i % 4), nibble = 4 * k;
      const std::uint64_t bit = 1;
      t.of_pattern[pair] |= row(nibble, bit << field) | row(nibble + 1, bit << (field + 1));
      t.of_signs[pair] |= row(nibble + 2, i == 7 ? seven_signs : bit << i) | row(nibble + 3, shift);
    }
  }
  t.of_pattern[3] |= row(6, odd_ones);
  t.of_other_half = row(6, odd_ones);
  return t;
}

/// Four codes of E8P in every lane, spread so that four bits choose a coordinate's value: its
/// magnitude, its sign and the shift. Nothing is looked up twice: bytes of a table give the
/// magnitudes of four patterns at once, and linear maps of bits the rest, the eighth sign included.
///
/// Cost: 24 lane operations for the 32 coordinates, then a shift and a look-up among 16 for each
template <class T>
struct e8p_lanes {
  using Int = lane_int_t<T>;

  /// Byte q of a word: coordinates 2 pair and 2 pair + 1 of a code, in the order 0, 2, 1, 3.
  Int pair[4];

  /// Codes 0 and 1 in one word, 2 and 3 in the other, the first in the lower half.
  OPENQUANT_INLINE static e8p_lanes read(Int w01, Int w23) {
    constexpr e8p_nibbles t = nibbles;
    const Int even(0x00ff00ff), odd(~0x00ff00ff);
    const Int pattern = ((w01 >> 8) & even) | (w23 & odd);
    const Int signs = (w01 & even) | ((w23 << 8) & odd);
    const Int low = lookup_bytes(nibbles.low, pattern), high = lookup_bytes(nibbles.high, pattern);
    return {{map_bytes<t.of_pattern[0]>(low) ^ map_bytes<t.of_signs[0]>(signs),
             map_bytes<t.of_pattern[1]>(low) ^ map_bytes<t.of_signs[1]>(signs),
             map_bytes<t.of_pattern[2]>(high) ^ map_bytes<t.of_signs[2]>(signs),
             map_bytes<t.of_pattern[3]>(high) ^ map_bytes<t.of_other_half>(low) ^
                 map_bytes<t.of_signs[3]>(signs)}};
  }

  /// Coordinate i of code q, times the factor that is in the table.
  template <index_t q, index_t i>
  OPENQUANT_INLINE T coordinate(const float (&values)[16]) const {
    constexpr int byte = q == 1 ? 2 : q == 2 ? 1 : static_cast<int>(q);
    constexpr int bit = 8 * byte + 4 * static_cast<int>(i % 2);
    return lookup(values, bit == 0 ? pair[i / 2] : pair[i / 2] >> bit);
  }

  /// What the four bits choose from: +-a + 1/4 or - 1/4, times `factor`, each rounded once.
  static constexpr vec<float, 16> values(float factor) {
    vec<float, 16> v{};
    for (index_t n = 0; n < 16; ++n) {
      const float a = 0.5f + static_cast<float>(n % 4);
      v[n] = ((n & 4 ? -a : a) + (n & 8 ? -0.25f : 0.25f)) * factor;
    }
    return v;
  }

 private:
  static constexpr e8p_nibbles nibbles = make_e8p_nibbles();
};

}  // namespace openquant::quantizer
