// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <optional>

#include <openquant/core/random.hpp>
#include <openquant/linalg/udu.hpp>

#include "linalg/middle.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using linalg::factor_udu;
using test::middle;

/// X^T X / tokens, and in `decades` the spread of the inputs' magnitudes.
matrix<double> second_moments(index_t n, index_t tokens, std::uint64_t seed, double decades = 0) {
  matrix<double> h(n, n);
  for (index_t t = 0; t < tokens; ++t) {
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        const auto draw = [&](index_t k) {
          const double scale = std::pow(10.0, decades * static_cast<double>(k % 3) / 2);
          return scale *
                 static_cast<double>(random::normal(seed, static_cast<std::uint64_t>(t * n + k)));
        };
        h(i, j) += draw(i) * draw(j) / static_cast<double>(tokens);
      }
    }
  }
  return h;
}

TEST_CASE("udu: U is block-unit-upper and D = U^-1 H U^-T is block-diagonal") {
  for (const index_t block : {1, 2, 4, 8}) {
    for (const index_t n : {8, 24, 40}) {
      const double damping = 0.01;
      const auto h = second_moments(n, 60, 1);
      matrix<float> u(n, n);
      REQUIRE(factor_udu<double>(h, damping, block, u) == std::nullopt);
      const auto d = middle(h, damping, u);
      for (index_t i = 0; i < n; ++i) {
        CHECK(u(i, i) == 1);
        CHECK(d(i, i) > 0);
        for (index_t j = 0; j < n; ++j) {
          if (i / block == j / block) {
            if (i != j) CHECK(u(i, j) == 0);
            continue;
          }
          if (i > j) CHECK(u(i, j) == 0);
          // Zero but for the rounding of U to float, which U^-1 (of moderate size) passes on.
          CHECK(std::fabs(d(i, j)) <= 1e-5 * std::sqrt(d(i, i) * d(j, j)));
        }
      }
    }
  }
}

TEST_CASE("udu: U D U^T is H") {
  for (const index_t block : {1, 2, 4, 8}) {
    constexpr index_t n = 16;
    const auto h = second_moments(n, 40, 2, 2.0);  // magnitudes over two decades
    matrix<float> u(n, n);
    REQUIRE(factor_udu<double>(h, 0.5, block, u) == std::nullopt);
    auto d = middle(h, 0.5, u);
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        if (i / block != j / block) d(i, j) = 0;
      }
    }
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        double sum = 0;
        for (index_t k = 0; k < n; ++k) {
          for (index_t l = 0; l < n; ++l) {
            sum += static_cast<double>(u(i, k)) * d(k, l) * static_cast<double>(u(j, l));
          }
        }
        const double expected = h(i, j) + (i == j ? 0.5 : 0.0);
        CHECK(std::fabs(sum - expected) <= 1e-5 * std::sqrt(h(i, i) * h(j, j)) + 1e-6);
      }
    }
  }
}

TEST_CASE("udu: a hand case") {
  // [5 2; 2 1] = [1 2; 0 1] diag(1, 1) [1 0; 2 1]
  matrix<double> h(2, 2);
  h(0, 0) = 5, h(0, 1) = h(1, 0) = 2, h(1, 1) = 1;
  matrix<float> u(2, 2);
  REQUIRE(factor_udu<double>(h, 0, 1, u) == std::nullopt);
  CHECK(u(0, 0) == 1);
  CHECK(u(0, 1) == 2);
  CHECK(u(1, 0) == 0);
  CHECK(u(1, 1) == 1);
}

TEST_CASE("udu: the failed pivot is named") {
  // Columns are eliminated from the last to the first.
  for (const index_t bad : {0, 3, 5, 150}) {
    for (const index_t n : {6, 200}) {
      if (bad >= n) continue;
      matrix<double> h(n, n);
      matrix<float> u(n, n);
      for (index_t i = 0; i < n; ++i) h(i, i) = 1;
      h(bad, bad) = -0.5;
      CHECK(factor_udu<double>(h, 0, 1, u) == bad);
      h(bad, bad) = 0;
      CHECK(factor_udu<double>(h, 0, 1, u) == bad);
      CHECK(factor_udu<double>(h, 0.01, 1, u) == std::nullopt);
      CHECK(factor_udu<double, float>(h, 0, 1, u) == bad);
      CHECK(factor_udu<double, float>(h, 0.01, 1, u) == std::nullopt);
      h(bad, bad) = std::numeric_limits<double>::quiet_NaN();
      CHECK(factor_udu<double>(h, 0, 1, u) == bad);
    }
  }
  // [1 2; 2 1] has a positive diagonal, and fails at the second elimination: column 0.
  matrix<double> h(2, 2);
  h(0, 0) = h(1, 1) = 1, h(0, 1) = h(1, 0) = 2;
  matrix<float> u(2, 2);
  CHECK(factor_udu<double>(h, 0, 1, u) == 0);
  CHECK(factor_udu<double>(h, 1.5, 1, u) == std::nullopt);
}

TEST_CASE("udu: the upper triangle of h is not read, nor u") {
  matrix<double> h(3, 3);
  matrix<float> u(3, 3), good(3, 3);
  for (index_t i = 0; i < 3; ++i) h(i, i) = 4;
  h(2, 0) = 1, h(2, 1) = -1;
  h(0, 2) = h(1, 2) = std::numeric_limits<double>::quiet_NaN();
  for (float& x : std::span(u.data(), 9)) x = std::numeric_limits<float>::quiet_NaN();
  CHECK(factor_udu<double>(h, -5, 1, u) == 2);
  REQUIRE(factor_udu<double>(h, 0, 1, u) == std::nullopt);
  h(0, 2) = 1, h(1, 2) = -1;
  REQUIRE(factor_udu<double>(h, 0, 1, good) == std::nullopt);
  CHECK(u == good);
  h(0, 2) = h(1, 2) = std::numeric_limits<double>::quiet_NaN();
  for (float& x : std::span(u.data(), 9)) x = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(factor_udu<double, float>(h, 0, 1, u) == std::nullopt);
  for (index_t i = 0; i < 3; ++i) {
    for (index_t j = 0; j < 3; ++j) {
      CHECK(std::fabs(u(i, j) - good(i, j)) <= 1e-6f);
    }
  }
}

TEST_CASE("udu: in binary32, U is that of a matrix n 2^-24 of the diagonal away, and in place") {
  for (const index_t block : {1, 2, 4, 8}) {
    for (const index_t n : {8, 40, 136}) {
      CAPTURE(block);
      CAPTURE(n);
      const double damping = 0.01;
      const auto h = second_moments(n, 300, 3);
      matrix<float> u(n, n), window(n, n + 5), expected(n, n);
      REQUIRE(factor_udu<double, float>(h, damping, block, u) == std::nullopt);
      REQUIRE(factor_udu<double, float>(h, damping, block, window.view().block(0, 3, n, n)) ==
              std::nullopt);
      REQUIRE(factor_udu<double>(h, damping, block, expected) == std::nullopt);
      // U D U^T - H with U in binary32 and D of U^-1 H U^-T: what is off the diagonal blocks of D.
      const auto d = middle(h, damping, u);
      double largest = 0;
      for (index_t i = 0; i < n; ++i) {
        for (index_t j = 0; j < n; ++j) {
          CHECK(window(i, j + 3) == doctest::Approx(static_cast<double>(u(i, j))).epsilon(1e-5));
          if (j < i / block * block) CHECK(u(i, j) == 0);
          if (i / block == j / block) {
            CHECK(u(i, j) == (i == j ? 1 : 0));
            continue;
          }
          largest = test::worst(largest, std::fabs(d(i, j)) / std::sqrt(d(i, i) * d(j, j)));
        }
      }
      CHECK(largest <= static_cast<double>(n) * 0x1p-24 * 10);
    }
  }
}

TEST_CASE("udu: U does not depend on the executor") {
  constexpr index_t n = 600;  // two tiles below the first block of the factorization
  matrix<float> h(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j <= i; ++j) {
      h(i, j) = h(j, i) = i == j ? 40 : random::normal(4, static_cast<std::uint64_t>(i * n + j));
    }
  }
  for (const index_t block : {1, 3, 24}) {
    CAPTURE(block);
    matrix<float> one(n, n), u(n, n);
    REQUIRE(factor_udu<float>(h, 20, block, one) == std::nullopt);
    REQUIRE(factor_udu<float>(h, 20, block, u, threads{4}) == std::nullopt);
    CHECK(u == one);
    REQUIRE(factor_udu<float, float>(h, 20, block, one) == std::nullopt);
    CHECK(u != one);  // in another precision
    REQUIRE(factor_udu<float, float>(h, 20, block, u, threads{4}) == std::nullopt);
    CHECK(u == one);
  }
}

TEST_CASE("udu: a NaN off the diagonal is not overlooked") {
  for (const index_t n : {4, 200}) {
    matrix<double> h(n, n);
    matrix<float> u(n, n);
    for (index_t i = 0; i < n; ++i) h(i, i) = 1;
    h(3, 1) = h(1, 3) = std::numeric_limits<double>::quiet_NaN();
    CHECK(factor_udu<double>(h, 0.1, 1, u).has_value());
  }
}

}  // namespace
