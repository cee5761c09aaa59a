// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>

#include <openquant/linalg/hadamard_matrix.hpp>

/// What the rows of a product with Williamson's matrix of order 172 are put together of, as tables
/// for the compiler.
///
/// The matrix is four by four symmetric circulants C_e of order 43 with signs: block a of H x takes
/// +-C_{a ^ c} x_c. With u_j = x_j + x_-j and v_j = x_j - x_-j, coordinates i and -i of a product
/// with C are the sum and the difference of
///
///   C(i) x_0 + sum_j (C(i - j) + C(i + j)) / 2 u_j   and
///              sum_j (C(i - j) - C(i + j)) / 2 v_j
///
/// over 21 places j, one of each +-j, with weights 0 and +-1. The product of the four C_e(d) is the
/// same for all d != 0, hence for i != j none, two or four of the four blocks take a coordinate.
/// Each two blocks of a row share a sum of what both take, and one of what the first takes and the
/// second subtracts.
namespace openquant::linalg::williamson {

inline constexpr auto circulants = hadamard_orders::williamson_43();

/// Place 3 b + l is 3^b 6^l modulo 43, b < 7, l < 3. The signs of the circulants depend on b alone:
/// l + 1, modulo 3, in place of l in all places leaves the weights as they are.
inline constexpr auto places = [] {
  std::array<unsigned char, 21> j{};
  unsigned power = 1;
  for (std::size_t b = 0; b < 7; ++b, power = power * 3 % 43) {
    for (std::size_t l = 0; l < 3; ++l, power = power * 6 % 43) {  // 6^3 = 1
      j[3 * b + l] = static_cast<unsigned char>(power);
    }
  }
  return j;
}();

/// Row r of the tables is place 3 r for r < 7, then place 19, then coordinate 0.
inline constexpr std::size_t rows = 9, row_zero = 8;
constexpr std::size_t place_of_row(std::size_t r) { return r == 7 ? 19 : 3 * r; }

/// The coordinate of row r where all places go on by l.
constexpr std::size_t coordinate(std::size_t r, std::size_t l) {
  const std::size_t k = place_of_row(r);
  return r == row_zero ? 0 : places[k - k % 3 + (k + l) % 3];
}

/// The sign of x_c in block a of the product with H, or with its transpose, at i - j = d.
template <bool transposed>
constexpr float entry(std::size_t a, std::size_t c, std::size_t d) {
  return transposed ? williamson_entry(c, a, d, circulants) : williamson_entry(a, c, d, circulants);
}

/// The blocks that share sums 2 q and 2 q + 1.
inline constexpr std::array<std::size_t, 6> first_block{0, 0, 0, 1, 1, 2};
inline constexpr std::array<std::size_t, 6> second_block{1, 2, 3, 2, 3, 3};

/// The first sum that blocks a and b share.
constexpr std::size_t sum_of(std::size_t a, std::size_t b) {
  return 2 * (a + b - (a == 0 || b == 0));
}

/// A number of some list, with its sign; 0 for none.
struct term {
  unsigned char number = 0;
  signed char sign = 0;
  bool first = false;  ///< in its sum
};

/// The weights of the u_j, or where `odd` those of the v_j.
template <bool transposed, bool odd>
struct half {
  /// The sums to which row r adds coordinate c of a place: in order of place and c.
  std::array<std::array<std::array<std::array<term, 2>, 4>, 21>, rows> to{};
  /// The sign of the first term of each sum, times which it is formed; 0 where there is none.
  std::array<std::array<signed char, 12>, rows> sign{};
  /// The coordinate of place i itself that block a takes beside the sums.
  std::array<std::array<term, 4>, rows> own{};

  constexpr half() {
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t i = coordinate(r, 0);
      for (std::size_t k = 0; k < 21; ++k) {
        const std::size_t j = places[k], near = (i + 43 - j) % 43, far = (i + j) % 43;
        std::array<std::size_t, 4> e{};  // the circulants that have a weight
        std::size_t count = 0;
        for (std::size_t c = 0; c < 4; ++c) {
          if ((circulants[c][near] == circulants[c][far]) != odd) e[count++] = c;
        }
        if (i == j) {  // one or three
          --count;
          for (std::size_t a = 0; a < 4; ++a) own[r][a] = of(a, a ^ e[count], near);
        }
        for (std::size_t c = 0; c < 4; ++c) {
          for (std::size_t n = 0; n < count; n += 2) {
            add(r, k, c, n / 2, e[n] ^ c, e[n + 1] ^ c, near);
          }
        }
      }
    }
  }

 private:
  static constexpr term of(std::size_t a, std::size_t c, std::size_t d) {
    const bool minus = entry<transposed>(a, c, d) < 0;
    return {static_cast<unsigned char>(c), static_cast<signed char>(minus ? -1 : 1)};
  }
  /// Blocks a and b take coordinate c of place k.
  constexpr void add(std::size_t r, std::size_t k, std::size_t c, std::size_t t, std::size_t a,
                     std::size_t b, std::size_t d) {
    const signed char to_a = of(a, c, d).sign, to_b = of(b, c, d).sign;
    const std::size_t n = sum_of(a, b) + (to_a != to_b);
    const bool first = sign[r][n] == 0;
    const signed char of_first = a < b ? to_a : to_b;
    if (first) sign[r][n] = of_first;
    to[r][k][c][t] = {static_cast<unsigned char>(n),
                      static_cast<signed char>(of_first * sign[r][n]), first};
  }
};

/// Of the four blocks' x_0, the four sums x_00 +- x_10 +- x_20 +- x_30 that rows i != 0 take have
/// an odd number of minuses, or an even one.
template <bool transposed>
inline constexpr bool odd_minuses = entry<transposed>(0, 0, 1) * entry<transposed>(0, 1, 1) *
                                        entry<transposed>(0, 2, 1) * entry<transposed>(0, 3, 1) <
                                    0;

/// Which of them block a of a row takes: number 0 to 3 by the signs of x_10 and x_20, 4 to 7 for
/// their negatives, and 8 + a for row 0, which takes another.
template <bool transposed>
inline constexpr auto start = [] {
  std::array<std::array<unsigned char, 4>, rows> number{};
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t i = coordinate(r, 0);
    for (std::size_t a = 0; a < 4; ++a) {
      const bool minus = entry<transposed>(a, 0, i) < 0;
      const bool second = minus != (entry<transposed>(a, 1, i) < 0);
      const bool third = minus != (entry<transposed>(a, 2, i) < 0);
      number[r][a] = static_cast<unsigned char>(i == 0 ? 8 + a : second + 2 * third + 4 * minus);
    }
  }
  return number;
}();

}  // namespace openquant::linalg::williamson
