// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/core/random.hpp>
#include <openquant/linalg/cholesky.hpp>

namespace {

using namespace openquant;
using linalg::cholesky;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// L L^T for a random L with a diagonal in [1, 2], and NaN above the diagonal.
matrix<double> positive_matrix(index_t n, std::uint64_t seed) {
  matrix<double> l(n, n), a(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j <= i; ++j) {
      const auto draw = random::uniform(seed, static_cast<std::uint64_t>(i * n + j));
      l(i, j) = i == j ? 1 + static_cast<double>(draw) : static_cast<double>(draw) - 0.5;
    }
  }
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      for (index_t k = 0; k <= j && j <= i; ++k) a(i, j) += l(i, k) * l(j, k);
      if (j > i) a(i, j) = nan;
    }
  }
  return a;
}

/// L L^T = A to the bound of Higham, Accuracy and Stability, Theorem 10.3, and above the diagonal
/// the NaN still there.
template <class Real>
bool is_factor(matrix_view<Real> l, matrix_view<const double> a) {
  const index_t n = a.rows();
  constexpr auto eps = static_cast<double>(std::numeric_limits<Real>::epsilon());
  bool good = true;
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      if (j > i) {
        good &= std::isnan(l(i, j));
        continue;
      }
      double sum = 0;
      for (index_t k = 0; k <= j; ++k) {
        sum += static_cast<double>(l(i, k)) * static_cast<double>(l(j, k));
      }
      const double bound = static_cast<double>(n + 1) * eps * std::sqrt(a(i, i) * a(j, j));
      good &= std::fabs(sum - a(i, j)) <= bound;
    }
  }
  return good;
}

// Around the widths at which the recursion and its tiles change.
constexpr index_t sizes[] = {1,  2,   5,   15,  16,  17,  31,  32, 33,
                             48, 100, 127, 128, 129, 150, 257, 300};

TEST_CASE("cholesky: rebuilds the matrix, and leaves the upper triangle alone") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    const auto a = positive_matrix(n, 3);
    matrix<double> l(a.view());
    REQUIRE(cholesky(l.view()) == std::nullopt);
    CHECK(is_factor(l.view(), a));
    CHECK(!is_factor(matrix<double>(a.view()).view(), a));
  }
  matrix<double> none(0, 0);
  CHECK(cholesky(none.view()) == std::nullopt);
}

TEST_CASE("cholesky: L does not depend on the executor") {
  const auto a = positive_matrix(800, 6);
  matrix<double> one(a.view());
  REQUIRE(cholesky(one.view()) == std::nullopt);
  CHECK(is_factor(one.view(), a));
  for (const index_t count : {2, 5}) {
    matrix<double> l(a.view());
    REQUIRE(cholesky(l.view(), threads{count}) == std::nullopt);
    index_t different = 0;
    for (index_t i = 0; i < l.rows(); ++i) {
      for (index_t j = 0; j <= i; ++j) different += l(i, j) != one(i, j);
    }
    CHECK(different == 0);
    l = a;
    l(700, 700) = -1;
    CHECK(cholesky(l.view(), threads{count}) == 700);
  }
}

TEST_CASE("cholesky: the same in float") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    auto a = positive_matrix(n, 5);
    matrix<float> l(n, n);
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        l(i, j) = static_cast<float>(a(i, j));
        a(i, j) = static_cast<double>(l(i, j));
      }
    }
    REQUIRE(cholesky(l.view()) == std::nullopt);
    CHECK(is_factor(l.view(), a));
    l(n / 2, n / 2) = -1;
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < i; ++j) l(i, j) = 0;
    }
    CHECK(cholesky(l.view()) == n / 2);
  }
}

TEST_CASE("cholesky: a window of a larger matrix, and nothing outside it") {
  for (const index_t n : {7, 40, 140}) {
    const auto a = positive_matrix(n, 4);
    matrix<double> frame(n + 6, n + 9);
    for (double& x : std::span(frame.data(), static_cast<std::size_t>((n + 6) * (n + 9)))) x = 7;
    const auto window = frame.view().block(2, 3, n, n);
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) window(i, j) = a(i, j);
    }
    REQUIRE(cholesky(window) == std::nullopt);
    CHECK(is_factor(window, a));
    index_t touched = 0;
    for (index_t i = 0; i < n + 6; ++i) {
      for (index_t j = 0; j < n + 9; ++j) {
        const bool inside = 2 <= i && i < n + 2 && 3 <= j && j < n + 3;
        touched += !inside && frame(i, j) != 7;
      }
    }
    CHECK(touched == 0);
  }
}

TEST_CASE("cholesky: the pivot that fails is named, wherever it lies") {
  for (const index_t n : {6, 33, 200}) {
    for (index_t bad = 0; bad < n; bad += n < 40 ? 1 : 13) {
      CAPTURE(n);
      CAPTURE(bad);
      matrix<double> a(n, n);
      for (index_t i = 0; i < n; ++i) a(i, i) = 1;
      for (const double pivot : {-0.5, 0.0, nan}) {
        matrix<double> l(a.view());
        l(bad, bad) = pivot;
        CHECK(cholesky(l.view()) == bad);
      }
      if (bad == 0) continue;
      matrix<double> l(a.view());  // what is subtracted from a pivot of 1 is 4
      l(bad, bad / 2) = 2;
      CHECK(cholesky(l.view()) == bad);
      l = a;
      l(bad, bad / 2) = nan;
      CHECK(cholesky(l.view()).has_value());
    }
  }
}

}  // namespace
