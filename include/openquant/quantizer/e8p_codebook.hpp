// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>

namespace openquant::quantizer {

/// The 256 patterns of E8P as tables, computed by the compiler.
struct e8p_patterns {
  static constexpr int lines = 7, long_ones = 29;
  std::uint16_t magnitude[256]{};  // two bits a coordinate, a_i - 1/2
  float pattern[256]{};            // the same; bit 16: odd number of 3/2
  int triple[long_ones][3]{};      // |a|^2 = 12: where the three 1/2 are, or the 5/2 and two 3/2
  float number[64 + long_ones]{};  // of the pattern 5/2 at i, 3/2 at j, at 8 i + j; of triple[e]
};

constexpr e8p_patterns make_e8p_patterns() {
  e8p_patterns t;
  const auto set = [](int(&triple)[3], int i, int j, int k) {
    triple[0] = i, triple[1] = j, triple[2] = k;
  };
  bool is_line[256]{};
  int e = e8p_patterns::lines;
  for (int i = 0; i < 7; ++i) {
    const auto after = [&](int steps) { return (i + steps) % 7; };
    set(t.triple[i], i, after(2), after(3));
    set(t.triple[e++], i, after(1), after(6));
    set(t.triple[e++], i, after(2), after(3));
    set(t.triple[e++], i, after(4), after(5));
    const int mask = 255 - (1 << i) - (1 << after(2)) - (1 << after(3));
    is_line[mask] = true;
    t.number[64 + i] = static_cast<float>(mask);
  }
  set(t.triple[e], 7, 0, 1);

  int fives = 0;
  for (int mask = 0; mask < 256; ++mask) {
    int weight = 0, word = 0;
    for (int i = 0; i < 8; ++i) {
      const int bit = (mask >> i) & 1;
      weight += bit;
      word += bit << (2 * i);
    }
    if (weight <= 4 || is_line[mask]) {
      word += (weight & 1) << 16;
    } else if (fives < 64) {
      const int i = fives / 8, j = fives % 8;
      word = (2 << (2 * i)) + (i == j ? 0 : (1 << (2 * j)) + (1 << 16));
      t.number[fives++] = static_cast<float>(mask);
    } else {
      const int at = fives++ + e8p_patterns::lines;
      const auto& [i, j, k] = t.triple[at - 64];
      word = (2 << (2 * i)) + (1 << (2 * j)) + (1 << (2 * k));
      t.number[at] = static_cast<float>(mask);
    }
    t.pattern[mask] = static_cast<float>(word);
    t.magnitude[mask] = static_cast<std::uint16_t>(word);
  }
  return t;
}

/// 2^16 points of E8 + 1/4, unscaled: v + 1/4 or v - 1/4 in every coordinate, where v in D_8 + 1/2
/// has one of 256 patterns of magnitudes a in {1/2, 3/2, 5/2}^8 and any signs that make the sum of
/// v even.
///
/// Patterns: the 227 with |a|^2 <= 10, and 29 of the 224 with |a|^2 = 12, no two of them at
/// squared distance 2:
///
///   five 3/2, three 1/2 at  i, i + 2, i + 3 mod 7, the lines of the Fano plane
///   5/2 at i, two 3/2 at    i + 1, i + 6 or i + 2, i + 3 or i + 4, i + 5 mod 7
///   5/2 at 7, two 3/2 at    0, 1
///
/// Code, 16 bits:  pattern 8 | shift 1 | sign 7 (bit i: coordinate i is negative; i = 0, ..., 6).
/// The last sign follows from the parity. A pattern without 5/2 is the mask of its 3/2. The 86
/// masks that this leaves free, ascending, are first the 64 patterns with 5/2 at i and at most one
/// 3/2, at j, in order of 8 i + j, where j = i says that there is none; then the 22 with 5/2 and
/// two 3/2 in the order above.
///
/// Source:  Tseng et al., "QuIP#", arXiv 2402.04396, Sec. 4.2 (E8P); search by sorted pairing as in
///          Adoul & Barth, "Nearest neighbor algorithm for spherical codes from the Leech lattice",
///          IEEE Trans. Inf. Theory 34(5), 1988
struct e8p_codebook {
  static constexpr index_t dim = 8;
  static constexpr e8p_patterns table = make_e8p_patterns();

  /// Code of the point nearest to u, exactly but for rounding; |u_i| at most 1e36.
  /// Cost: about 600 lane operations for each of the two shifts
  template <class T>
  OPENQUANT_HD static lane_int_t<T> nearest(const vec<T, 8>& u) {
    const choice<T> down = best_pattern(u, T(-0.25f)), up = best_pattern(u, T(0.25f));
    const auto lower = down.distance < up.distance;
    const T pattern = select(lower, down.pattern, up.pattern);
    const T shift = select(lower, T(-0.25f), T(0.25f));
    return to_int(pattern * T(256.0f) + select(lower, T(128.0f), T(0.0f)) +
                  signs(u, shift, pattern));
  }

  template <class T, class Code>
  OPENQUANT_HD static vec<T, 8> point(const Code& c) {
    return point_of<T>(c, lookup(tables().magnitude, c >> 8));
  }
  /// The same, `magnitude` a copy of the table of that name.
  template <class T>
  OPENQUANT_HD static vec<T, 8> point(std::int32_t c, const std::uint16_t* magnitude) {
    return point_of<T>(c, std::int32_t{magnitude[(c >> 8) & 255]});
  }

 private:
  /// The point of code c, whose pattern has the magnitudes `word`.
  template <class T, class Code>
  OPENQUANT_HD static vec<T, 8> point_of(const Code& c, const Code& word) {
    const Code odd_ones = word & Code(0x5555);
    Code sign = c & Code(127);
    Code parity = sign ^ odd_ones ^ (odd_ones >> 8);
    parity = parity ^ (parity >> 4);
    parity = parity ^ (parity >> 2);
    parity = parity ^ (parity >> 1);
    sign = sign | (parity << 7);
    const T shift = change_sign(T(0.25f), c << 24);
    vec<T, 8> p;
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      p[i] = change_sign(magnitude<T>(word >> (2 * i)), sign << (31 - i)) + shift;
    }
    return p;
  }
  /// 1/2, 3/2 or 5/2 for the low two bits 0, 1 or 2.
  template <class T, class Code>
  OPENQUANT_HD static T magnitude(const Code& bits) {
    if constexpr (lane_count<T> == 1) {
      return to_float(bits & 3) + 0.5f;
    } else {
      constexpr float value[16] = {0.5f, 1.5f, 2.5f, 0, 0.5f, 1.5f, 2.5f, 0,
                                   0.5f, 1.5f, 2.5f, 0, 0.5f, 1.5f, 2.5f, 0};
      return lookup(value, bits);
    }
  }

  /// The table: a static member, or for device code, which cannot read that, its own.
  OPENQUANT_HD static const e8p_patterns& tables() {
#if defined(__CUDA_ARCH__)
    static constexpr e8p_patterns here = make_e8p_patterns();
    return here;
#else
    return table;
#endif
  }

  template <class T>
  struct choice {
    T distance, pattern;
  };

  /// True where the integer x is odd.
  template <class T>
  OPENQUANT_HD static auto odd(T x) {
    const T half = x * T(0.5f);
    return round_even(half) != half;
  }

  /// The pattern of least distance for one shift, and half that squared distance less what both
  /// shifts share, |u|^2 + 1/2. With y = u - shift and the signs of y, half of |y|^2 - |y - v|^2 is
  ///
  ///   sum_i |y_i| / 2 + sum_i (a_i - 1/2) |y_i| - |a|^2 / 2
  ///
  /// and a wrong parity takes away 2 min_i a_i |y_i|. Among the arrangements of the same values the
  /// best puts the larger on the larger |y_i|, so ranks and partial sums of the sorted |y_i| serve
  /// all 227; the 29 others are tried. There too a wrong parity costs the least |y_i|: where a_i is
  /// not 1/2, a_i - 1 in its place mends the parity and is better by 1 or more.
  template <class T>
  OPENQUANT_HD static choice<T> best_pattern(const vec<T, 8>& u, T shift) {
    vec<T, 8> y, sorted,
        rank{T(0.0f), T(1.0f), T(2.0f), T(3.0f), T(4.0f), T(5.0f), T(6.0f), T(7.0f)};
    T negatives = T(0.0f), sum = T(0.0f), total = T(0.0f);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 8; ++i) {
      const T v = u[i] - shift;
      negatives = negatives + select(v < T(0.0f), T(1.0f), T(0.0f));
      sorted[i] = y[i] = abs(v);
      sum = sum + u[i];
      total = total + y[i];
    }
    OPENQUANT_UNROLL
    for (index_t j = 1; j < 8; ++j) {
      OPENQUANT_UNROLL
      for (index_t i = 0; i < j; ++i) {
        const T ahead = select(y[j] > y[i], T(1.0f), T(0.0f));  // of equals the first is larger
        rank[i] = rank[i] + ahead;
        rank[j] = rank[j] - ahead;
      }
    }
    sort(sorted);
    const T least = sorted[7];
    const auto wrong_for_even = odd(negatives);
    const T even = select(wrong_for_even, least, T(0.0f)), uneven = least - even;

    T best = T(-1.0f) - even, large = T(0.0f), five_halves = T(0.0f);
    const auto consider = [&](T gain, float count, float fives) {
      const auto better = gain > best;
      best = select(better, gain, best);
      large = select(better, T(count), large);
      five_halves = select(better, T(fives), five_halves);
    };
    const T top1 = sorted[0], top2 = top1 + sorted[1], top3 = top2 + sorted[2];
    consider(top1 - T(2.0f) - uneven, 1, 0);
    consider(top2 - T(3.0f) - even, 2, 0);
    consider(top3 - T(4.0f) - uneven, 3, 0);
    consider(top3 + sorted[3] - T(5.0f) - even, 4, 0);
    consider(top1 + top1 - T(4.0f) - even, 1, 1);
    consider(top2 + top1 - T(5.0f) - uneven, 2, 1);

    T mask = T(0.0f), first = T(0.0f), second = T(0.0f);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 8; ++i) {
      const auto at = static_cast<float>(i);
      mask = mask + select(rank[i] < large, T(static_cast<float>(1 << i)), T(0.0f));
      first = first + select(rank[i] < T(0.5f), T(at), T(0.0f));
      second = second + select(rank[i] == large - T(1.0f), T(at), T(0.0f));
    }
    T entry = select(five_halves > T(0.0f), first * T(8.0f) + second, T(-1.0f));  // of the table
    const T of_lines = total - uneven - T(6.0f), of_fives = T(-6.0f) - even;
    OPENQUANT_UNROLL
    for (int e = 0; e < e8p_patterns::long_ones; ++e) {
      const auto& [i, j, k] = tables().triple[e];
      const T three = y[j] + y[k] + y[i];
      const T gain = e < e8p_patterns::lines ? of_lines - three : of_fives + (three + y[i]);
      const auto better = gain > best;
      best = select(better, gain, best);
      entry = select(better, T(static_cast<float>(64 + e)), entry);
    }
    const T listed = gather(tables().number, to_int(max(entry, T(0.0f))));
    const T pattern = select(entry < T(0.0f), mask, listed);
    return {T(0.0f) - shift * sum - total * T(0.5f) - best, pattern};
  }

  /// Descending, by Batcher's 19 exchanges.
  template <class T>
  OPENQUANT_HD static void sort(vec<T, 8>& x) {
    constexpr int pairs[19][2] = {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {0, 2}, {1, 3}, {4, 6},
                                  {5, 7}, {1, 2}, {5, 6}, {0, 4}, {1, 5}, {2, 6}, {3, 7},
                                  {2, 4}, {3, 5}, {1, 2}, {3, 4}, {5, 6}};
    OPENQUANT_UNROLL
    for (const auto& pair : pairs) {
      const T a = x[pair[0]], b = x[pair[1]];
      x[pair[0]] = max(a, b);
      x[pair[1]] = min(a, b);
    }
  }

  /// The seven sign bits: those of y, the cheapest turned where the parity is wrong.
  template <class T>
  OPENQUANT_HD static T signs(const vec<T, 8>& u, T shift, T pattern) {
    const lane_int_t<T> word = to_int(gather(tables().pattern, to_int(pattern)));
    T least = T(0.0f), at = T(0.0f), negatives = to_float(word >> 16), bits = T(0.0f);
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      const T y = u[i] - shift, a = to_float((word >> (2 * i)) & lane_int_t<T>(3)) + T(0.5f);
      const T cost = a * abs(y), bit = T(static_cast<float>(1 << i));
      const auto cheaper = i == 0 ? cost >= T(0.0f) : cost < least;
      least = select(cheaper, cost, least);
      const auto negative = y < T(0.0f);
      at = select(cheaper, select(negative, -bit, bit), at);
      negatives = negatives + select(negative, T(1.0f), T(0.0f));
      bits = bits + select(negative, bit, T(0.0f));
    }
    bits = bits + select(odd(negatives), at, T(0.0f));
    return bits - select(bits >= T(128.0f), T(128.0f), T(0.0f));
  }
};

}  // namespace openquant::quantizer
