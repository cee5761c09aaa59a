// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <doctest/doctest.h>

#include <openquant/linalg/williamson_rows.hpp>

namespace {

using namespace openquant;
namespace williamson = openquant::linalg::williamson;
using williamson::places;

/// Entry of H, or of its transpose, for coordinate i of block a and coordinate j of block c.
template <bool transposed>
float entry_of(const matrix<float>& h, std::size_t a, std::size_t i, std::size_t c, std::size_t j) {
  const auto row = static_cast<index_t>(43 * a + i), col = static_cast<index_t>(43 * c + j);
  return transposed ? h(col, row) : h(row, col);
}

/// What each row takes of each place by its tables, against the matrix.
template <bool transposed, bool odd>
void check_rows() {
  const auto h = linalg::hadamard_matrix(172);
  constexpr williamson::half<transposed, odd> table{};
  index_t different = 0;
  for (std::size_t r = 0; r < williamson::rows; ++r) {
    for (std::size_t l = 0; l < 3; ++l) {
      const std::size_t i = williamson::coordinate(r, l);
      for (std::size_t k = 0; k < 21; ++k) {
        const std::size_t j = places[k - k % 3 + (k + l) % 3];
        for (std::size_t c = 0; c < 4; ++c) {
          std::array<float, 4> weight{};
          for (const williamson::term& term : table.to[r][k][c]) {
            const auto sign = static_cast<float>(term.sign * table.sign[r][term.number]);
            const std::size_t q = term.number / 2;
            weight[williamson::first_block[q]] += sign;
            weight[williamson::second_block[q]] += term.number % 2 == 0 ? sign : -sign;
          }
          for (std::size_t a = 0; a < 4; ++a) {
            const williamson::term own = table.own[r][a];
            if (i == j && own.number == c) weight[a] += static_cast<float>(own.sign);
            const float plus = entry_of<transposed>(h, a, i, c, j);
            const float minus = entry_of<transposed>(h, a, i, c, 43 - j);
            different += 2 * weight[a] != (odd ? plus - minus : plus + minus);
          }
        }
      }
    }
  }
  CHECK(different == 0);
}

TEST_CASE("williamson_rows: the sums of a row and its own coordinate are half of the matrix") {
  check_rows<false, false>();
  check_rows<false, true>();
  check_rows<true, false>();
  check_rows<true, true>();
}

/// What the blocks of a row take of coordinates 0.
template <bool transposed>
void check_start() {
  const auto h = linalg::hadamard_matrix(172);
  constexpr bool odd = williamson::odd_minuses<transposed>;
  index_t different = 0;
  for (std::size_t r = 0; r < williamson::row_zero; ++r) {
    for (std::size_t a = 0; a < 4; ++a) {
      const unsigned number = williamson::start<transposed>[r][a];
      const bool second = number & 1, third = number & 2, all = number & 4;
      const std::array<bool, 4> minus{all, second != all, third != all,
                                      (second != third) != (odd != all)};
      for (std::size_t c = 0; c < 4; ++c) {
        const float entry = entry_of<transposed>(h, a, williamson::coordinate(r, 0), c, 0);
        different += (entry < 0) != minus[c];
      }
    }
  }
  CHECK(different == 0);
}

TEST_CASE("williamson_rows: each row takes one of four signed sums of coordinates 0") {
  check_start<false>();
  check_start<true>();
}

/// That the first term of a sum comes before the others, and that two blocks have both sums or
/// none.
template <bool transposed, bool odd>
constexpr bool sums_are_whole() {
  constexpr williamson::half<transposed, odd> table{};
  for (std::size_t r = 0; r < williamson::rows; ++r) {
    std::array<bool, 12> begun{};
    for (const auto& place : table.to[r]) {
      for (const auto& coordinate : place) {
        for (const williamson::term& term : coordinate) {
          if (term.sign == 0) continue;
          if (begun[term.number] == term.first || (term.first && term.sign < 0)) return false;
          begun[term.number] = true;
        }
      }
    }
    for (std::size_t n = 0; n < 12; ++n) {
      if (begun[n] != begun[n ^ 1] || begun[n] != (table.sign[r][n] != 0)) return false;
    }
  }
  return true;
}
static_assert(sums_are_whole<false, false>() && sums_are_whole<false, true>());
static_assert(sums_are_whole<true, false>() && sums_are_whole<true, true>());

/// Each coordinate but 0 is a place or the negative of one, and those of row 7 go on from row 6.
constexpr bool places_are_half() {
  std::array<bool, 43> seen{};
  for (const std::size_t j : places) seen[j] = seen[43 - j] = true;
  for (std::size_t j = 1; j < 43; ++j) {
    if (!seen[j]) return false;
  }
  return williamson::coordinate(7, 0) == williamson::coordinate(6, 1);
}
static_assert(places_are_half());

}  // namespace
