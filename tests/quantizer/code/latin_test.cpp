// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/quantizer/code/latin.hpp>

namespace {

using openquant::quantizer::code::latin;

/// Number of the state's quantile, 0 to 2^L - 1.
template <int B, int L>
std::uint32_t rank(std::uint32_t state) {
  return static_cast<std::uint32_t>(latin::probability<B, L>(state) * (1u << L));
}

template <int B, int L>
void check_permutation() {
  std::vector<bool> taken(1u << L);
  for (std::uint32_t s = 0; s < taken.size(); ++s) taken[rank<B, L>(s)] = true;
  CHECK(std::count(taken.begin(), taken.end(), true) == 1 << L);
}

TEST_CASE("latin: every quantile is taken once") {
  check_permutation<1, 8>();
  check_permutation<2, 12>();
  check_permutation<3, 11>();
  check_permutation<4, 8>();  // no bits between the symbols
  check_permutation<4, 9>();
}

template <int B, int L>
void check_squares() {
  constexpr std::uint32_t n = 1u << B, middles = 1u << (L - 2 * B);
  for (std::uint32_t m = 0; m < middles; ++m) {
    std::vector<bool> cell(n * n);
    for (std::uint32_t a = 0; a < n; ++a) {
      std::vector<bool> row(n), column(n);
      std::uint32_t offset = 0;
      for (std::uint32_t b = 0; b < n; ++b) {
        const std::uint32_t successor = rank<B, L>((a * middles + m) * n + b);
        const std::uint32_t predecessor = rank<B, L>((b * middles + m) * n + a);
        row[successor >> (L - B)] = true;
        column[predecessor >> (L - B)] = true;
        cell[successor >> (L - 2 * B)] = true;
        if (b == 0) offset = successor % (1u << (L - B));
        CHECK(successor % (1u << (L - B)) == offset);
      }
      CHECK(std::count(row.begin(), row.end(), true) == n);
      CHECK(std::count(column.begin(), column.end(), true) == n);
    }
    CHECK(std::count(cell.begin(), cell.end(), true) == n * n);
  }
}

TEST_CASE("latin: successors and predecessors have one value in every part of the distribution") {
  check_squares<1, 8>();
  check_squares<2, 8>();
  check_squares<3, 9>();
  check_squares<4, 10>();
}

TEST_CASE("latin: values are normal quantiles of the stated deviation") {
  double sum = 0, squares = 0, largest = 0;
  for (std::uint32_t s = 0; s < 4096; ++s) {
    const auto v = static_cast<double>(latin::value<2, 12>(s));
    sum += v;
    squares += v * v;
    largest = std::max(largest, v);
  }
  CHECK(std::fabs(sum) < 1e-3);
  const double deviation = latin::deviation<2, 12>();
  CHECK(deviation == doctest::Approx(0.968246 * 1.04).epsilon(1e-6));
  CHECK(std::sqrt(squares / 4096) == doctest::Approx(deviation).epsilon(2e-3));  // no tails
  CHECK(largest == doctest::Approx(3.6683 * deviation).epsilon(1e-3));  // quantile 1 - 2^-13
  CHECK(latin::deviation<4, 20>() == doctest::Approx(std::sqrt(255.0 / 256)));
}

}  // namespace
