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

/// R^T R for a random R with a diagonal in [1, 2], and NaN below the diagonal.
matrix<double> positive_matrix(index_t n, std::uint64_t seed) {
  matrix<double> r(n, n), a(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = i; j < n; ++j) {
      const auto draw = random::uniform(seed, static_cast<std::uint64_t>(i * n + j));
      r(i, j) = i == j ? 1 + static_cast<double>(draw) : static_cast<double>(draw) - 0.5;
    }
  }
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      for (index_t k = 0; k <= i && i <= j; ++k) a(i, j) += r(k, i) * r(k, j);
      if (j < i) a(i, j) = nan;
    }
  }
  return a;
}

/// R^T R = A to the bound of Higham, Accuracy and Stability, Theorem 10.3, and below the diagonal
/// the NaN still there.
template <class Real>
bool is_factor(matrix_view<Real> r, matrix_view<const double> a) {
  const index_t n = a.rows();
  constexpr auto eps = static_cast<double>(std::numeric_limits<Real>::epsilon());
  bool good = true;
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      if (j < i) {
        good &= std::isnan(r(i, j));
        continue;
      }
      double sum = 0;
      for (index_t k = 0; k <= i; ++k) {
        sum += static_cast<double>(r(k, i)) * static_cast<double>(r(k, j));
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

TEST_CASE("cholesky: rebuilds the matrix, and leaves the lower triangle alone") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    const auto a = positive_matrix(n, 3);
    matrix<double> r(a.view());
    REQUIRE(cholesky(r.view()) == std::nullopt);
    CHECK(is_factor(r.view(), a));
    CHECK(!is_factor(matrix<double>(a.view()).view(), a));
  }
  matrix<double> none(0, 0);
  CHECK(cholesky(none.view()) == std::nullopt);
}

TEST_CASE("cholesky: R does not depend on the executor") {
  const auto a = positive_matrix(800, 6);
  matrix<double> one(a.view());
  REQUIRE(cholesky(one.view()) == std::nullopt);
  CHECK(is_factor(one.view(), a));
  for (const index_t count : {2, 5}) {
    matrix<double> r(a.view());
    REQUIRE(cholesky(r.view(), threads{count}) == std::nullopt);
    index_t different = 0;
    for (index_t i = 0; i < r.rows(); ++i) {
      for (index_t j = i; j < r.cols(); ++j) different += r(i, j) != one(i, j);
    }
    CHECK(different == 0);
    r = a;
    r(700, 700) = -1;
    CHECK(cholesky(r.view(), threads{count}) == 700);
  }
}

TEST_CASE("cholesky: the same in float") {
  for (const index_t n : sizes) {
    CAPTURE(n);
    auto a = positive_matrix(n, 5);
    matrix<float> r(n, n);
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        r(i, j) = static_cast<float>(a(i, j));
        a(i, j) = static_cast<double>(r(i, j));
      }
    }
    REQUIRE(cholesky(r.view()) == std::nullopt);
    CHECK(is_factor(r.view(), a));
    r(n / 2, n / 2) = -1;
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = i + 1; j < n; ++j) r(i, j) = 0;
    }
    CHECK(cholesky(r.view()) == n / 2);
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
        matrix<double> r(a.view());
        r(bad, bad) = pivot;
        CHECK(cholesky(r.view()) == bad);
      }
      if (bad == 0) continue;
      matrix<double> r(a.view());  // what is subtracted from a pivot of 1 is 4
      r(bad / 2, bad) = 2;
      CHECK(cholesky(r.view()) == bad);
      r = a;
      r(bad / 2, bad) = nan;
      CHECK(cholesky(r.view()).has_value());
    }
  }
}

}  // namespace
