// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <doctest/doctest.h>
#include <span>
#include <type_traits>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/linalg/walsh_hadamard.hpp>
#include <openquant/linalg/walsh_hadamard_passes.hpp>

#include "core/lane_cases.hpp"

namespace {

using namespace openquant;
using namespace openquant::linalg;

std::vector<float> normal_vector(index_t n, std::uint64_t seed) {
  std::vector<float> x;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(n); ++i) {
    x.push_back(random::normal(seed, i));
  }
  return x;
}

/// A pass over `rows` rows of n floats with gaps between them, each with diagonals of its own, the
/// later rows fetched ahead or not, beside the scalar transform of each.
template <class Pass>
void check_rows(index_t n, const Pass& pass) {
  constexpr index_t gap = 5;
  for (const index_t rows : {0, 1, 2, 3, 6}) {
    for (const index_t fetched : {index_t{0}, rows / 2}) {
      CAPTURE(n);
      CAPTURE(rows);
      CAPTURE(fetched);
      const auto before = normal_vector(rows * n, 2), after = normal_vector(rows * n, 3);
      auto x = normal_vector(rows * (n + gap), 1), expected = x;
      pass(matrix_view<float>(x.data(), rows, n, n + gap), diagonal{before.data()},
           diagonal{after.data()}, n, fetch_ahead{fetched, n + gap});
      for (index_t i = 0; i < rows; ++i) {
        walsh_hadamard_scalar(
            std::span(expected.data() + i * (n + gap), static_cast<std::size_t>(n)),
            diagonal{before.data() + i * n}, diagonal{after.data() + i * n});
      }
      CHECK(x == expected);  // what lies between the rows too
    }
  }
}

/// Both ways to write passes out, whichever this width takes.
template <index_t r, class Lanes>
void check_one_pass() {
  const auto check = [](auto turns) {
    check_rows(r * lane_count<Lanes>, [](auto... arguments) {
      walsh_hadamard_one_pass<r, Lanes, decltype(turns)::value>(arguments...);
    });
  };
  check(std::true_type{});
  check(std::false_type{});
}
template <index_t r, class Lanes>
void check_two_passes() {
  const auto check = [](auto turns) {
    check_rows(r * walsh_hadamard_radix<Lanes> * lane_count<Lanes>, [](auto... arguments) {
      walsh_hadamard_two_passes<r, Lanes, decltype(turns)::value>(arguments...);
    });
  };
  check(std::true_type{});
  check(std::false_type{});
}

TEST_CASE_TEMPLATE("walsh_hadamard_passes: rows of any number have the scalar's bits", Lanes,
                   batch<baseline_arch>, batch<test::middle_arch>, batch<default_arch>) {
  check_one_pass<1, Lanes>();
  check_one_pass<2, Lanes>();
  check_one_pass<4, Lanes>();
  check_one_pass<8, Lanes>();
  check_one_pass<walsh_hadamard_radix<Lanes>, Lanes>();
  check_two_passes<2, Lanes>();
  check_two_passes<4, Lanes>();
  check_two_passes<8, Lanes>();
  check_two_passes<walsh_hadamard_radix<Lanes>, Lanes>();
}

TEST_CASE("walsh_hadamard_passes: rows are fetched ahead as far as there are later ones") {
  constexpr index_t gap = 16;
  std::vector<float> x(64 * (256 + gap));
  for (const index_t n : {16, 256, 3072, 4096, 8192}) {
    const index_t rows = static_cast<index_t>(x.size()) / (n + gap);
    const auto ahead = fetch_rows_of(matrix_view<float>(x.data(), rows, n, n + gap));
    const index_t on = std::max(index_t{1}, 4096 / n);
    CHECK(ahead.distance == on * (n + gap));
    CHECK(ahead.rows == std::max(index_t{0}, rows - on));
  }
}

}  // namespace
