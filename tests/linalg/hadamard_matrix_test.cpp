// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstdint>
#include <doctest/doctest.h>
#include <utility>
#include <vector>

#include <openquant/linalg/hadamard_matrix.hpp>

namespace {

using namespace openquant;
using linalg::hadamard_construction;
using linalg::hadamard_kind;
using linalg::hadamard_matrix;

/// Entries +-1, and each two rows differ in exactly half of them. Signs as bits, 64 to a word: the
/// plain product of order 684 takes seconds in a debug build.
bool is_hadamard(const matrix<float>& h) {
  const index_t m = h.rows();
  if (h.cols() != m) return false;
  std::vector<std::vector<std::uint64_t>> rows;
  for (index_t i = 0; i < m; ++i) {
    std::vector<std::uint64_t> signs(static_cast<std::size_t>(m / 64 + 1));
    for (index_t j = 0; j < m; ++j) {
      if (h(i, j) != 1 && h(i, j) != -1) return false;
      if (h(i, j) < 0) signs[static_cast<std::size_t>(j / 64)] |= std::uint64_t{1} << j % 64;
    }
    for (const auto& other : rows) {
      index_t different = 0;
      for (std::size_t w = 0; w < signs.size(); ++w) {
        different += std::popcount(signs[w] ^ other[w]);
      }
      if (2 * different != m) return false;
    }
    rows.push_back(std::move(signs));
  }
  return true;
}

TEST_CASE("hadamard_matrix: the test sees a wrong sign and a wrong entry") {
  auto h = hadamard_matrix(12);
  CHECK(is_hadamard(h));
  h(3, 4) = -h(3, 4);
  CHECK(!is_hadamard(h));
  h = matrix<float>(1, 1);
  CHECK(!is_hadamard(h));
}

TEST_CASE("hadamard_matrix: every order up to 200 that has a construction, and 684") {
  std::vector<index_t> orders;
  for (index_t m = 1; m <= 200; ++m) {
    if (hadamard_kind(m) != hadamard_construction::none) orders.push_back(m);
  }
  orders.push_back(684);
  for (const index_t m : orders) {
    CAPTURE(m);
    CHECK(is_hadamard(hadamard_matrix(m)));
  }
}

TEST_CASE("hadamard_matrix: the orders that models need exist") {
  using enum hadamard_construction;
  static_assert(hadamard_kind(12) == paley_1 && hadamard_kind(20) == paley_1);
  static_assert(hadamard_kind(28) == paley_2 && hadamard_kind(36) == paley_2);
  static_assert(hadamard_kind(172) == williamson && hadamard_kind(684) == paley_1);
  static_assert(hadamard_kind(1) == trivial && hadamard_kind(2) == trivial);
  static_assert(hadamard_kind(40) == none);  // the transform takes it as H_20 x H_2
  CHECK(is_hadamard(hadamard_matrix(12)));
  CHECK(is_hadamard(hadamard_matrix(20)));
  CHECK(is_hadamard(hadamard_matrix(28)));
  CHECK(is_hadamard(hadamard_matrix(172)));
}

TEST_CASE("hadamard_matrix: other orders are refused") {
  for (const index_t m : {-4, -1, 0, 3, 5, 6, 7, 10, 50, 92, 100, 116, 156, 188, 198}) {
    CAPTURE(m);
    CHECK(hadamard_kind(m) == hadamard_construction::none);
    CHECK_THROWS_AS(hadamard_matrix(m), error);
  }
  CHECK_THROWS_WITH_AS(hadamard_matrix(92),
                       "hadamard_matrix: no construction known here for order 92", error);
}

TEST_CASE("hadamard_matrix: primes and quadratic characters") {
  using linalg::hadamard_orders::is_prime;
  static_assert(!is_prime(-3) && !is_prime(0) && !is_prime(1) && is_prime(2) && is_prime(3));
  static_assert(!is_prime(9) && !is_prime(25) && is_prime(683) && !is_prime(171));
  std::vector<float> chi(7);
  linalg::hadamard_orders::quadratic_character(chi);
  CHECK(chi == std::vector<float>{0, 1, 1, -1, 1, -1, -1});
}

}  // namespace
