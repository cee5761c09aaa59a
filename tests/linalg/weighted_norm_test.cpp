// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/linalg/weighted_norm.hpp>

namespace {

using namespace openquant;
using linalg::weighted_squared_norm;

TEST_CASE("weighted_norm: equals the double sum over i, j, k") {
  for (const index_t n : {1, 2, 9, 40}) {
    constexpr index_t m = 5;
    matrix<float> e(m, n), h(n, n);
    for (index_t i = 0; i < m * n; ++i) {
      e.data()[i] = random::normal(1, static_cast<std::uint64_t>(i));
    }
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j <= i; ++j) {
        h(i, j) = h(j, i) = random::normal(2, static_cast<std::uint64_t>(i * n + j));
      }
    }
    double expected = 0, magnitude = 0;
    for (index_t i = 0; i < m; ++i) {
      for (index_t j = 0; j < n; ++j) {
        for (index_t k = 0; k < n; ++k) {
          const double term = static_cast<double>(e(i, j)) * static_cast<double>(h(j, k)) *
                              static_cast<double>(e(i, k));
          expected += term, magnitude += std::fabs(term);
        }
      }
    }
    // E H is in float: n roundings of each entry.
    const double bound = static_cast<double>(n + 1) * 0x1p-24 * magnitude;
    CHECK(std::fabs(weighted_squared_norm(e, h) - expected) <= bound);
  }
}

TEST_CASE("weighted_norm: hand cases") {
  matrix<float> e(2, 2), h(2, 2);
  e(0, 0) = 1, e(0, 1) = 2, e(1, 1) = 3;
  h(0, 0) = h(1, 1) = 2, h(0, 1) = h(1, 0) = -1;
  CHECK(weighted_squared_norm(e, h) == 2 - 4 + 8 + 18);
  CHECK(weighted_squared_norm(matrix<float>(0, 2), h) == 0);
  CHECK(weighted_squared_norm(matrix<float>(3, 2), h) == 0);
}

TEST_CASE("weighted_norm: inner products of matrices side by side") {
  matrix<float> a(2, 4), b(2, 4);
  for (index_t i = 0; i < 8; ++i) {
    a.data()[i] = static_cast<float>(i);
    b.data()[i] = static_cast<float>(10 - i);
  }
  // 0 10 + 1 9 + 4 6 + 5 5 and 2 8 + 3 7 + 6 4 + 7 3
  CHECK(linalg::inner_products(a, b, 2) == std::vector<double>{58, 82});
  CHECK(linalg::inner_products(matrix<float>(3, 0), matrix<float>(3, 0), 2).empty());
}

TEST_CASE("weighted_norm: matrices side by side, each as by itself") {
  constexpr index_t n = 1100, width = 3;  // three blocks of H
  matrix<float> h(n, n), side_by_side(n, 2 * width);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j <= i; ++j)
      h(i, j) = h(j, i) = static_cast<float>((i * j + i + j) % 3 - 1);
  }
  for (index_t i = 0; i < n * 2 * width; ++i)
    side_by_side.data()[i] = static_cast<float>(i % 7 - 3);
  const auto sums = linalg::weighted_squared_norms(side_by_side, h, width);
  const auto plain = linalg::weighted_squared_norms(side_by_side, {}, width);
  REQUIRE(sums.size() == 2);
  for (index_t k = 0; k < 2; ++k) {
    matrix<float> e(width, n);
    for (index_t i = 0; i < n; ++i) {
      for (index_t r = 0; r < width; ++r) e(r, i) = side_by_side(i, k * width + r);
    }
    CHECK(sums[static_cast<std::size_t>(k)] == weighted_squared_norm(e, h));  // small integers
    CHECK(plain[static_cast<std::size_t>(k)] == weighted_squared_norm(e, {}));
  }
  CHECK_THROWS_WITH_AS(linalg::weighted_squared_norms(side_by_side, h, 4),
                       "weighted_squared_norms: 6 columns are no matrices of 4 rows", error);
  CHECK_THROWS_WITH_AS(linalg::weighted_squared_norms(side_by_side, matrix<float>(3, 3), width),
                       "weighted_squared_norms: e is (1100, 6), h is (3, 3)", error);
}

TEST_CASE("weighted_norm: shapes that do not fit are refused") {
  CHECK_THROWS_AS(weighted_squared_norm(matrix<float>(2, 3), matrix<float>(2, 2)), error);
  CHECK_THROWS_AS(weighted_squared_norm(matrix<float>(2, 3), matrix<float>(4, 3)), error);
  CHECK_THROWS_AS(weighted_squared_norm(matrix<float>(2, 3), matrix<float>(3, 2)), error);
  CHECK_THROWS_AS(weighted_squared_norm(matrix<float>(2, 3), matrix<float>(3, 4)), error);
}

}  // namespace
