// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include <openquant/core/vec.hpp>
#include <openquant/lattice/arrangement.hpp>
#include <openquant/lattice/golay.hpp>

namespace openquant::lattice {

/// The points of the Leech lattice with the same magnitudes: multiplicity[j] coordinates are
/// +-(2 j + o). Where o is 0, the odd j stand on the ones of a Golay word of this weight, the even
/// j elsewhere; signs are free, but on the word their product is fixed. Where o is 1, any word will
/// do and fixes all signs.
struct leech_class {
  multiplicities multiplicity;
  int o, shell, weight;
  std::uint64_t size, first;  // points, and those of the classes before this one

  /// One number for the magnitudes: five bits each.
  OPENQUANT_HD constexpr std::uint64_t key() const {
    std::uint64_t bits = static_cast<std::uint64_t>(o);
    for (const auto count : multiplicity) bits = bits << 5 | count;
    return bits;
  }
};

/// A numbering of the points of the Leech lattice in the shells 0 to 13; shell m holds those of
/// squared norm 16 m in the integer scale of lattice/leech.hpp. Classes follow one another, shell
/// by shell; in a class a number is, from the lowest digit on, the Golay word, the signs, and the
/// arrangement of the magnitudes.
///
/// Counts:  196560, 16773120, 398034000, 4629381120 points in the shells 2 to 5; 111043117458000 in
///          shells 2 to 12, 280974212784720 in 2 to 13, in 383 classes; the origin is one more
/// Cost:    well below a microsecond a point, either way; scalar code with branches
/// Source:  van der Ouderaa et al., "Leech Lattice Vector Quantization", arXiv 2603.11021, Sec. 3;
///          classes: Adoul & Barth, IEEE Trans. Inf. Theory 34(5), 1988
class leech_shells {
 public:
  static constexpr int last = 13;
  /// Points in the shells 0 to 13, the origin among them: below 2^48.
  static constexpr std::uint64_t count = 280974212784721;

  static constexpr int classes_in_all = 384;  ///< with the origin's

  constexpr leech_shells() {
    number_words();
    for (int o = 0; o < 2; ++o) add_classes({}, o, 7, 24, 16 * last);
    // Shell by shell, each in the order in which they were found.
    const auto found = classes_;
    std::uint64_t first = 0;
    std::size_t size = 0;
    for (int shell = 0; shell <= last; ++shell) {
      for (leech_class c : found) {
        if (c.shell != shell) continue;
        c.first = first;
        first += c.size;
        by_key_[size] = {c.key(), static_cast<std::uint16_t>(size)};
        classes_[size++] = c;
      }
    }
    std::sort(by_key_.begin(), by_key_.end());
  }

  /// Built when first asked for; for device code by the compiler.
  OPENQUANT_HD static const leech_shells& table();

  OPENQUANT_HD constexpr std::span<const leech_class> classes() const { return classes_; }

  /// Number of a point of these shells, in [0, count); of any other, a number without meaning.
  OPENQUANT_HD std::uint64_t rank(const vec<float, 24>& x) const;

  /// The point of a number; of those that have none, the origin.
  OPENQUANT_HD vec<float, 24> point(std::uint64_t number) const;

 private:
  constexpr void number_words() {
    std::array<std::uint32_t, golay::words> word{};  // a linear map
    for (std::size_t index = 1; index < word.size(); ++index) {
      const std::size_t rest = index & (index - 1);
      word[index] = word[rest] ^ golay::word(static_cast<int>(index ^ rest));
      ++words_from_[static_cast<std::size_t>(std::popcount(word[index])) + 1];
    }
    ++words_from_[1];
    for (std::size_t weight = 1; weight < words_from_.size(); ++weight) {
      words_from_[weight] =
          static_cast<std::uint16_t>(words_from_[weight] + words_from_[weight - 1]);
    }
    auto next = words_from_;
    for (std::size_t index = 0; index < word.size(); ++index) {
      const auto weight = static_cast<std::size_t>(std::popcount(word[index]));
      const std::uint16_t at = next[weight]++;
      words_[at] = static_cast<std::uint16_t>(index);
      rank_of_word_[index] = static_cast<std::uint16_t>(at - words_from_[weight]);
    }
  }

  /// No constant expression: compilers try those for every static object, and this one is long.
  static leech_shells built() { return {}; }

  /// Words of the Golay code of this weight.
  OPENQUANT_HD constexpr std::uint64_t words_of(int weight) const {
    const auto w = static_cast<std::size_t>(weight);
    return std::uint64_t{words_from_[w + 1]} - words_from_[w];
  }

  /// All ways to give magnitudes 2 j + o and less to `left` coordinates, of squares up to `budget`.
  constexpr void add_classes(multiplicities multiplicity, int o, int j, int left, int budget) {
    const int square = (2 * j + o) * (2 * j + o);
    if (j == 0) {
      if (left * square > budget || (budget - left * square) % 16 != 0) return;
      multiplicity[0] = static_cast<std::uint8_t>(left);
      const int norm = 16 * last - (budget - left * square);
      return add_class({multiplicity, o, norm / 16, 0, 0, 0});
    }
    for (int n = 0; n <= left && n * square <= budget; ++n) {
      multiplicity[static_cast<std::size_t>(j)] = static_cast<std::uint8_t>(n);
      add_classes(multiplicity, o, j - 1, left - n, budget - n * square);
    }
  }

  /// Adds it with its size, unless no lattice point has these magnitudes.
  constexpr void add_class(leech_class c) {
    const auto& n = c.multiplicity;
    if (c.o == 1) {
      // x = 1 + 2 b + 4 k, and k is odd for one value of the word's bit b where |x| is 1 or 7
      // modulo 8, for the other where it is 3 or 5. Words are of even weight, so these decide.
      if (((n[1] + n[2] + n[5] + n[6]) & 1) == 0) return;
      c.size = golay::words * arrangements(n, 0, 1, 24);
    } else {
      c.weight = n[1] + n[3] + n[5] + n[7];
      const std::uint64_t words = words_of(c.weight);
      if (words == 0 || (c.weight == 0 && ((n[2] + n[6]) & 1) == 1)) return;
      c.size = words * arrangements(n, 0, 2, 24 - c.weight) * arrangements(n, 1, 2, c.weight)
               << free_signs(c);
    }
    classes_[found_++] = c;
  }

  /// Signs that no other coordinate decides: on a word all but the last.
  OPENQUANT_HD static constexpr int free_signs(const leech_class& c) {
    return c.o == 1 ? 0 : 24 - c.multiplicity[0] - (c.weight > 0 ? 1 : 0);
  }

  /// Whether the magnitudes, added up, are 4 modulo 8: then an odd number on the word is negative.
  OPENQUANT_HD static constexpr bool odd_negatives(const leech_class& c) {
    int sum = 0;
    for (std::size_t j = 0; j < 8; ++j) sum += 2 * static_cast<int>(j) * c.multiplicity[j];
    return (sum & 7) == 4;
  }

  struct keyed {
    std::uint64_t key;
    std::uint16_t number;
    OPENQUANT_HD friend constexpr bool operator<(const keyed& a, const keyed& b) {
      return a.key < b.key;
    }
  };

  std::array<leech_class, classes_in_all> classes_{};
  std::array<keyed, classes_in_all> by_key_{};
  std::array<std::uint16_t, golay::words> words_{}, rank_of_word_{};  // by weight, and among them
  std::array<std::uint16_t, 26> words_from_{};                        // of weight 0, 1, ...
  std::size_t found_ = 0;
};

OPENQUANT_HD inline const leech_shells& leech_shells::table() {
#if defined(__CUDA_ARCH__)
  static constexpr leech_shells shells;
#else
  static const leech_shells shells = built();
#endif
  return shells;
}

OPENQUANT_HD inline std::uint64_t leech_shells::rank(const vec<float, 24>& x) const {
  leech_class c{};
  c.o = static_cast<int>(x[0]) & 1;
  std::uint32_t word = 0;
  std::uint8_t j_of[24];
  int value[24];
  for (index_t i = 0; i < 24; ++i) {
    value[i] = static_cast<int>(x[i]);
    const int j = (value[i] < 0 ? -value[i] : value[i]) >> 1 & 7;
    j_of[i] = static_cast<std::uint8_t>(j);
    ++c.multiplicity[static_cast<std::size_t>(j)];
    word |= static_cast<std::uint32_t>((value[i] - c.o) >> 1 & 1) << i;
  }
  const std::uint64_t key = c.key();
  const auto found = std::lower_bound(by_key_.begin(), by_key_.end(), keyed{key, 0});
  if (found == by_key_.end() || found->key != key) return 0;
  c = classes_[found->number];
  const auto index = static_cast<std::uint64_t>(golay::index(word));
  if (c.o == 1) {
    return c.first + index + golay::words * rank_arrangement(j_of, 24, c.multiplicity, 0, 1);
  }
  // On the word, elsewhere, and the signs.
  std::uint8_t on[24], off[24];
  int ons = 0, offs = 0, signs = 0;
  std::uint64_t negative = 0;
  for (int i = 0; i < 24; ++i) {
    if (word >> i & 1) {
      on[ons++] = j_of[i];
      if (word >> i == 1) continue;  // the last
    } else {
      off[offs++] = j_of[i];
      if (value[i] == 0) continue;
    }
    negative |= static_cast<std::uint64_t>(value[i] < 0) << signs++;
  }
  const std::uint64_t arrangement =
      rank_arrangement(off, offs, c.multiplicity, 0, 2) +
      arrangements(c.multiplicity, 0, 2, offs) * rank_arrangement(on, ons, c.multiplicity, 1, 2);
  const std::uint64_t words = words_of(c.weight);
  return c.first + rank_of_word_[index] + words * (negative + (arrangement << signs));
}

OPENQUANT_HD inline vec<float, 24> leech_shells::point(std::uint64_t number) const {
  if (number >= count) number = 0;
  const auto after = std::upper_bound(
      classes_.begin(), classes_.end(), number,
      [](std::uint64_t n, const leech_class& candidate) { return n < candidate.first; });
  const leech_class& c = *(after - 1);
  number -= c.first;
  vec<float, 24> x;
  std::uint8_t j_of[24] = {}, on[24], off[24];
  if (c.o == 1) {
    const std::uint32_t word = golay::word(static_cast<int>(number % golay::words));
    for (std::uint8_t i = 0; i < 24; ++i) off[i] = i;
    place_arrangement(number / golay::words, off, 24, c.multiplicity, 0, 1, j_of);
    for (index_t i = 0; i < 24; ++i) {
      // 1, -3, 5, -7, ... where the word has 0, else their negatives.
      const bool negative = ((j_of[i] ^ word >> i) & 1) == 1;
      const auto magnitude = static_cast<float>(2 * j_of[i] + 1);
      x[i] = negative ? -magnitude : magnitude;
    }
    return x;
  }
  const std::uint64_t words = words_of(c.weight);
  const std::uint64_t own = words_from_[static_cast<std::size_t>(c.weight)] + number % words;
  const std::uint32_t word = golay::word(words_[static_cast<std::size_t>(own)]);
  number /= words;
  const int signs = free_signs(c);
  std::uint64_t negative = number & ((std::uint64_t{1} << signs) - 1);
  number >>= signs;
  int ons = 0, offs = 0;
  for (std::uint8_t i = 0; i < 24; ++i) {
    if (word >> i & 1) {
      on[ons++] = i;
    } else {
      off[offs++] = i;
    }
  }
  const std::uint64_t off_word = arrangements(c.multiplicity, 0, 2, offs);
  place_arrangement(number % off_word, off, offs, c.multiplicity, 0, 2, j_of);
  place_arrangement(number / off_word, on, ons, c.multiplicity, 1, 2, j_of);
  bool odd = odd_negatives(c);
  for (index_t i = 0; i < 24; ++i) {
    const auto magnitude = static_cast<float>(2 * j_of[i]);
    const bool in_word = word >> i & 1, last_one = word >> i == 1;
    x[i] = magnitude;
    if (magnitude == 0) continue;
    const bool minus = last_one ? odd : (negative & 1) == 1;
    if (!last_one) negative >>= 1;
    if (in_word) odd = odd != minus;
    if (minus) x[i] = -magnitude;
  }
  return x;
}

}  // namespace openquant::lattice
