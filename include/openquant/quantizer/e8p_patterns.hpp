// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <openquant/core/config.hpp>

namespace openquant::quantizer {

/// The 256 patterns of E8P as tables, computed by the compiler.
struct e8p_patterns {
  static constexpr int lines = 7, long_ones = 29;
  std::uint16_t magnitude[256]{};  // two bits a coordinate, a_i - 1/2
  float number[64 + long_ones]{};  // of the pattern 5/2 at i, 3/2 at j, at 8 i + j; of long one e
  float long_word[32]{};           // magnitudes of long one e
};

constexpr e8p_patterns make_e8p_patterns() {
  e8p_patterns t;
  bool is_line[256]{};
  for (int i = 0; i < 7; ++i) {
    const int mask = 255 - (1 << i) - (1 << (i + 2) % 7) - (1 << (i + 3) % 7);
    is_line[mask] = true;
    t.number[64 + i] = static_cast<float>(mask);
  }
  const auto five_at = [](int i) { return 2 << (2 * i); };
  const auto three_at = [](int i) { return 1 << (2 * i); };
  int fives = 0;
  for (int mask = 0; mask < 256; ++mask) {
    int weight = 0, word = 0;
    for (int i = 0; i < 8; ++i) {
      const int bit = (mask >> i) & 1;
      weight += bit;
      word += bit << (2 * i);
    }
    if (is_line[mask]) {
      for (int e = 0; e < 7; ++e) {
        if (t.number[64 + e] == static_cast<float>(mask)) {
          t.long_word[e] = static_cast<float>(word);
        }
      }
    } else if (weight > 4 && fives < 64) {
      const int i = fives / 8, j = fives % 8;
      word = five_at(i) + (i == j ? 0 : three_at(j));
      t.number[fives++] = static_cast<float>(mask);
    } else if (weight > 4) {
      const int e = fives - 64, i = e / 3, apart = e % 3;  // 21 and, last, i = 7
      const int j = i == 7 ? 0 : (i + (apart == 0 ? 1 : apart == 1 ? 2 : 4)) % 7;
      const int k = i == 7 ? 1 : (i + (apart == 0 ? 6 : apart == 1 ? 3 : 5)) % 7;
      word = five_at(i) + three_at(j) + three_at(k);
      t.long_word[7 + e] = static_cast<float>(word);
      t.number[64 + 7 + e] = static_cast<float>(mask);
      ++fives;
    }
    t.magnitude[mask] = static_cast<std::uint16_t>(word);
  }
  return t;
}

inline constexpr e8p_patterns e8p_table = make_e8p_patterns();

/// That table, or for device code, which cannot read it, another.
OPENQUANT_HD inline const e8p_patterns& e8p_tables() {
#if defined(__CUDA_ARCH__)
  static constexpr e8p_patterns here = make_e8p_patterns();
  return here;
#else
  return e8p_table;
#endif
}

}  // namespace openquant::quantizer
