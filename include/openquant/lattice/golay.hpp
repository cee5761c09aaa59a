// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include <openquant/core/config.hpp>

namespace openquant::lattice {

/// Product in GF(4) = {0, 1, w, w^2}, written 0, 1, 2, 3; the sum is the exclusive or.
constexpr int gf4_product(int a, int b) {
  constexpr int logarithm[4] = {0, 0, 1, 2}, power[3] = {1, 2, 3};
  return a == 0 || b == 0 ? 0 : power[(logarithm[a] + logarithm[b]) % 3];
}

/// The hexacode [6, 3, 4] over GF(4): word n = 16 a + 4 b + c is (a, b, c, f(1), f(w), f(w^2)) with
/// f(x) = a x^2 + b x + c. hexacode[n][l] is digit l of word n.
/// Source: Conway & Sloane, "Sphere Packings, Lattices and Groups", Ch. 11, Sec. 2
inline constexpr auto hexacode = [] {
  std::array<std::array<std::uint8_t, 6>, 64> words{};
  for (int n = 0; n < 64; ++n) {
    const int f[3] = {n >> 4, n >> 2 & 3, n & 3};
    auto& word = words[static_cast<std::size_t>(n)];
    for (int k = 0; k < 3; ++k) word[static_cast<std::size_t>(k)] = static_cast<std::uint8_t>(f[k]);
    for (int x = 1; x < 4; ++x) {
      const int value = gf4_product(f[0], gf4_product(x, x)) ^ gf4_product(f[1], x) ^ f[2];
      word[std::size_t{2} + static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(value);
    }
  }
  return words;
}();

/// Word n without that table, which device code cannot read: digit l in bits 2 l and 2 l + 1. The
/// sum of a row for each bit of n.
OPENQUANT_HD constexpr std::uint32_t hexacode_word(int n) {
  constexpr auto row = [](std::size_t j) {
    std::uint32_t bits = 0;
    for (std::size_t l = 0; l < 6; ++l) bits |= std::uint32_t{hexacode[j][l]} << (2 * l);
    return bits;
  };
  constexpr std::uint32_t rows[6] = {row(1), row(2), row(4), row(8), row(16), row(32)};
  std::uint32_t word = 0;
  OPENQUANT_UNROLL
  for (int j = 0; j < 6; ++j) word ^= (n >> j & 1) != 0 ? rows[j] : 0;
  return word;
}

/// The extended binary Golay code [24, 12, 8] as the MOG has it: coordinate 4 l + i is row i of
/// column l, and a word is a bit mask of its ones. The columns of a word have one parity p, the
/// same for all; column l has the GF(4) value c_l = b_1 + w b_2 + w^2 b_3, digit l of a word of the
/// hexacode; the top bits h_l add up to p.
///
/// Weights: 1, 759, 2576, 759, 1 words of weight 0, 8, 12, 16, 24
/// Source:  Conway & Sloane, Ch. 11, Sec. 5
struct golay {
  static constexpr int length = 24, words = 4096;

  /// The four bits of a column of parity p, value c and top bit h. The other h gives the
  /// complement.
  OPENQUANT_HD static constexpr std::uint32_t column(int p, int c, int h) {
    const int s = p ^ h, c0 = c & 1, c1 = c >> 1;
    return static_cast<std::uint32_t>(h | (s ^ c1) << 1 | (s ^ c0) << 2 | (s ^ c0 ^ c1) << 3);
  }
  /// The value c of a column.
  OPENQUANT_HD static constexpr int value(std::uint32_t column) {
    return static_cast<int>(((column >> 1 ^ column >> 3) & 1) | ((column >> 2 ^ column >> 3) & 1)
                                                                    << 1);
  }

  /// Word of a 12-bit index: p, six bits of the hexacode's word, h_4, ..., h_0. A linear map.
  OPENQUANT_HD static constexpr std::uint32_t word(int index) {
    const int p = index >> 11;
    const std::uint32_t digits = hexacode_word(index >> 5 & 63);
    const int h = (index & 31) | ((std::popcount(static_cast<unsigned>(index & 31)) ^ p) & 1) << 5;
    std::uint32_t bits = 0;
    for (int l = 0; l < 6; ++l) {
      const int c = static_cast<int>(digits >> (2 * l) & 3);
      bits |= column(p, c, h >> l & 1) << (4 * l);
    }
    return bits;
  }

  /// Index of a word; of any other mask, that of the word with which it shares what is read.
  OPENQUANT_HD static constexpr int index(std::uint32_t word) {
    int n = 0, h = 0;
    for (int l = 0; l < 3; ++l) n = 4 * n + value(word >> (4 * l) & 15);
    for (int l = 0; l < 5; ++l) h |= static_cast<int>(word >> (4 * l) & 1) << l;
    return (std::popcount(word & 15) & 1) << 11 | n << 5 | h;
  }
  OPENQUANT_HD static constexpr bool contains(std::uint32_t mask) {
    return word(index(mask)) == mask;
  }
};

}  // namespace openquant::lattice
