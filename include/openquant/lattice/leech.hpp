// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>
#include <openquant/lattice/golay.hpp>
#include <openquant/lattice/leech_column.hpp>

namespace openquant::lattice {

/// The Leech lattice in its integer scale, that of sqrt(8) times the unimodular one: all x with
/// x_i = o + 2 c_i + 4 k_i, where o is 0 or 1, c a word of the Golay code and the sum of the k_i of
/// the parity of o. Coordinates are those of `golay`: 4 l + i is row i of column l.
///
/// Minimal norm:  squared 32, of 196560 vectors; packing radius sqrt(8); covering radius 4
/// Second moment: 0.065753 +- 0.000002 a dimension at volume 1, over 16 million points; published
///                is the estimate 0.065771
/// Source:        Conway & Sloane, "Sphere Packings, Lattices and Groups", Ch. 4, Sec. 11
struct leech {
  static constexpr index_t dim = 24;
  static constexpr double volume = 68719476736.0;  // 8^12
  static std::string name() { return "leech"; }

  /// The nearest lattice point, over all of the lattice; of equals any. Distances are compared in
  /// float, so a point may win that is further by their rounding errors, 24 of the largest
  /// coordinate's. |x_i| below 2^20.
  ///
  /// The four quarters of the lattice (o and the parity p of the columns) are minimised in turn. In
  /// a quarter a column of given value c has one cost for each of four classes: its top bit h and
  /// the parity of its k_i. Adding columns convolves over Z2 x Z2, and of the 64 words of the
  /// hexacode the one wins whose classes, added up to (p, o), cost least.
  ///
  /// Cost:    about 17000 operations a vector, 24 KiB of stack for 16 lanes; no branch on data
  /// Source:  the hexacode's decoder of Vardy & Be'ery, IEEE Trans. Inf. Theory 37(5), 1991, over
  ///          min-sum convolutions
  template <class T>
  OPENQUANT_HD OPENQUANT_CALLED static vec<T, 24> nearest(const vec<T, 24>& x) {
    leech_remainder<T> w;
    for (index_t i = 0; i < 24; ++i) w[i] = leech_reduce(x[i]);
    T least = T(0.0f), winner = T(-1.0f);
    for (int o = 0; o < 2; ++o) {
      const leech_column_costs<T> cost(w, o);
      for (int p = 0; p < 2; ++p) minimise(cost, o, p, least, winner);
    }
    return trace(x, w, to_int(winner));
  }

  /// Row k is a lattice vector that is 0 beyond coordinate k: 8 e_0; 4 e_0 + 4 e_k where no word of
  /// the Golay code ends at k; twice a word that ends at k; (-3, 1, ..., 1).
  static constexpr vec<vec<float, 24>, 24> generator() {
    vec<vec<float, 24>, 24> rows{};
    for (index_t k = 0; k < 24; ++k) rows[k][0] = rows[k][k] = 4;
    rows[0][0] = 8;
    // Gauss: of the words that are 0 beyond k, one that ends at k is added to the others that do.
    std::uint32_t words[12] = {};
    for (int j = 0; j < 12; ++j) words[j] = golay::word(1 << j);
    for (index_t k = 23; k > 0; --k) {
      std::uint32_t ends_here = 0;
      for (std::uint32_t& word : words) {
        if (word >> k == 0) continue;
        if (ends_here == 0) ends_here = word;
        word ^= ends_here;
      }
      if (ends_here == 0) continue;
      for (index_t i = 0; i <= k; ++i) rows[k][i] = static_cast<float>(2 * (ends_here >> i & 1));
    }
    for (index_t i = 0; i < 24; ++i) rows[23][i] = 1;
    rows[23][0] = -3;
    return rows;
  }

  /// Integers c with p = sum_k c_k generator()[k], by substitution from the last; exact while
  /// |p_i| < 2^15. Cost: 276 multiplications.
  template <class T>
  OPENQUANT_HD static vec<T, 24> coordinates(const vec<T, 24>& p) {
    constexpr vec<vec<float, 24>, 24> g = generator();
    vec<T, 24> rest = p, c;
    for (index_t k = 23; k >= 0; --k) {
      c[k] = rest[k] * T(1.0f / g[k][k]);  // a power of two
      for (index_t i = 0; i < k; ++i) rest[i] = rest[i] - c[k] * T(g[k][i]);
    }
    return c;
  }

  /// sum_k c_k generator()[k].
  template <class T>
  OPENQUANT_HD static vec<T, 24> point(const vec<T, 24>& c) {
    constexpr vec<vec<float, 24>, 24> g = generator();
    vec<T, 24> p;
    for (index_t i = 0; i < 24; ++i) {
      p[i] = c[i] * T(g[i][i]);
      for (index_t k = i + 1; k < 24; ++k) p[i] = p[i] + c[k] * T(g[k][i]);
    }
    return p;
  }

 private:
  /// Into least and winner, the best of a quarter's 64 words: its number is 128 o + 64 p + n.
  template <class T>
  OPENQUANT_HD static void minimise(const leech_column_costs<T>& cost, int o, int p, T& least,
                                    T& winner) {
    class_costs<T> couple[3][16];  // of two columns with the values c & 3 and c >> 2
    for (int j = 0; j < 3; ++j) {
      for (int c = 0; c < 16; ++c) {
        couple[j][c] = convolve(cost.of[p][2 * j][c & 3], cost.of[p][2 * j + 1][c >> 2]);
      }
    }
    const int target = 2 * p + o;
    for (int n = 0; n < 64; ++n) {
      const std::uint32_t digits = hexacode_word(n);
      const class_costs<T> first = convolve(couple[0][digits & 15], couple[1][digits >> 4 & 15]);
      const class_costs<T>& last = couple[2][digits >> 8];
      const T total = min(min(first[0] + last[target], first[1] + last[1 ^ target]),
                          min(first[2] + last[2 ^ target], first[3] + last[3 ^ target]));
      const auto better = (total < least) | (winner < T(0.0f));
      least = select(better, total, least);
      winner = select(better, T(static_cast<float>(128 * o + 64 * p + n)), winner);
    }
  }

  /// The best point with the word of the hexacode and the quarter that won.
  template <class T>
  OPENQUANT_HD static vec<T, 24> trace(const vec<T, 24>& x, const leech_remainder<T>& w,
                                       lane_int_t<T> winner) {
    using integer = lane_int_t<T>;
    const integer one(1), o = winner >> 7, p = (winner >> 6) & one;
    // The six digits, linear in the bits of a, b and c: f(x) = a x^2 + b x + c.
    integer digit[6] = {(winner >> 4) & integer(3), (winner >> 2) & integer(3),
                        winner & integer(3)};
    const integer a = digit[0], b = digit[1], c = digit[2];
    digit[3] = a ^ b ^ c;
    digit[4] = times_w_squared(a) ^ times_w(b) ^ c;
    digit[5] = times_w(a) ^ times_w_squared(b) ^ c;

    // The classes: sums of columns 0, ..., l in class s cost sum[s], best after class came[l][s].
    class_costs<T> column[6], sum;
    class_costs<T> came[6];
    integer bit[6][4];  // of each column, where its top bit is 0
    for (int l = 0; l < 6; ++l) {
      const integer c0 = digit[l] & one, c1 = digit[l] >> 1;
      bit[l][0] = integer(0);
      bit[l][1] = p ^ c1;
      bit[l][2] = p ^ c0;
      bit[l][3] = p ^ c0 ^ c1;
      column[l] = leech_class_costs<T>(&w[4 * l], to_float(o), bit[l]);
      if (l == 0) {
        sum = column[0];
        continue;
      }
      class_costs<T> next;
      for (int s = 0; s < 4; ++s) {
        next[s] = sum[0] + column[l][s];
        came[l][s] = T(0.0f);
        for (int r = 1; r < 4; ++r) {
          const T candidate = sum[r] + column[l][s ^ r];
          came[l][s] = select(candidate < next[s], T(static_cast<float>(r)), came[l][s]);
          next[s] = min(next[s], candidate);
        }
      }
      sum = next;
    }

    vec<T, 24> y;
    integer state = (p << 1) ^ o;
    for (int l = 5; l >= 0; --l) {
      const integer before = l > 0 ? to_int(pick(came[l], state)) : integer(0);
      const integer h = (state ^ before) >> 1, parity = (state ^ before) & one;
      for (int i = 0; i < 4; ++i) y[4 * l + i] = to_float(o + ((bit[l][i] ^ h) << 1));
      nearest_in_class(&x[4 * l], to_float(parity), &y[4 * l]);
      state = before;
    }
    return y;
  }

  /// y + 4 k nearest to x, where the sum of the four k is odd if parity is 1, else even.
  template <class T>
  OPENQUANT_HD static void nearest_in_class(const T* x, T parity, T* y) {
    T k[4], e[4], furthest = T(-1.0f), sum = parity;
    for (int i = 0; i < 4; ++i) {
      const T u = (x[i] - y[i]) * T(0.25f);
      k[i] = round_even(u);
      e[i] = u - k[i];
      furthest = max(furthest, abs(e[i]));
      sum = sum + k[i];
    }
    T odd = abs(sum - T(2.0f) * round_even(sum * T(0.5f)));
    for (int i = 0; i < 4; ++i) {
      const T move = select(abs(e[i]) == furthest, odd, T(0.0f));
      odd = odd - move;
      k[i] = k[i] + select(e[i] < T(0.0f), -move, move);
      y[i] = y[i] + T(4.0f) * k[i];
    }
  }

  template <class Integer>
  OPENQUANT_HD static Integer times_w(Integer a) {  // (a0, a1) -> (a1, a0 + a1)
    return (a >> 1) | ((a << 1 ^ a) & Integer(2));
  }
  template <class Integer>
  OPENQUANT_HD static Integer times_w_squared(Integer a) {  // (a0, a1) -> (a0 + a1, a0)
    return ((a ^ a >> 1) & Integer(1)) | ((a << 1) & Integer(2));
  }
};

}  // namespace openquant::lattice
