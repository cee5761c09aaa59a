// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/metric/relative_error.hpp>

#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using metric::relative_error;
using test::normal_matrix;

double trace(const matrix<float>& e, const matrix<float>& h) {
  double sum = 0;
  for (index_t i = 0; i < e.rows(); ++i) {
    for (index_t j = 0; j < e.cols(); ++j) {
      for (index_t k = 0; k < e.cols(); ++k) {
        sum += static_cast<double>(e(i, j)) * static_cast<double>(h(j, k)) *
               static_cast<double>(e(i, k));
      }
    }
  }
  return sum;
}

TEST_CASE("relative_error: equals both traces in double") {
  constexpr index_t m = 7, n = 19, tokens = 40;
  const auto w = normal_matrix(m, n, 1), x = normal_matrix(tokens, n, 2);
  matrix<float> h(n, n), w_hat(w.view()), e(m, n);
  linalg::gemm<linalg::op::transpose>(1.0f, x, x, 0.0f, h.view());
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < n; ++j) {
      w_hat(i, j) = std::round(w(i, j) * 2) / 2;
      e(i, j) = w(i, j) - w_hat(i, j);
    }
  }
  // Each of the n products and sums of a row of E H rounds once, relative to sum |e_j h_jk e_k|.
  double magnitude = 0;
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < n; ++j) {
      for (index_t k = 0; k < n; ++k) {
        magnitude += static_cast<double>(std::fabs(e(i, j) * h(j, k) * e(i, k)));
      }
    }
  }
  const double expected = trace(e, h) / trace(w, h);
  const double bound = 2 * n * 0x1p-24 * (magnitude / trace(e, h) + 1) * expected;
  CHECK(bound < 0.01 * expected);
  CHECK(std::fabs(relative_error(w, w_hat, h) - expected) <= 2 * bound);
}

TEST_CASE("relative_error: hand cases") {
  matrix<float> w(1, 2), zero(1, 2), h(2, 2);
  w(0, 0) = 3, w(0, 1) = 4;
  h(0, 0) = h(1, 1) = 1;
  matrix<float> w_hat(w.view());
  CHECK(relative_error(w, w_hat, h) == 0);
  CHECK(relative_error(w, zero, h) == 1);
  w_hat(0, 0) = 2;
  CHECK(relative_error(w, w_hat, h) == 1.0 / 25);
  h(0, 0) = 0;  // an input that is always 0 does not count
  CHECK(relative_error(w, w_hat, h) == 0);
}

TEST_CASE("relative_error: no output to be relative to") {
  matrix<float> zero(2, 3), w(2, 3), identity(3, 3);
  for (index_t i = 0; i < 3; ++i) identity(i, i) = 1;
  w(1, 2) = 1;
  CHECK(relative_error(zero, zero, identity) == 0);
  CHECK(relative_error(zero, w, identity) == std::numeric_limits<double>::infinity());
  CHECK(relative_error(w, zero, matrix<float>(3, 3)) == 0);
  CHECK(relative_error(matrix<float>(0, 3), matrix<float>(0, 3), identity) == 0);
}

TEST_CASE("relative_error: hostile input is refused") {
  matrix<float> w(2, 3), h(3, 3);
  CHECK_THROWS_WITH_AS(relative_error(w, matrix<float>(3, 2), h),
                       "relative_error: w is (2, 3), w_hat is (3, 2), h is (3, 3)", error);
  CHECK_THROWS_AS(relative_error(w, matrix<float>(2, 2), h), error);
  CHECK_THROWS_AS(relative_error(w, w, matrix<float>(3, 2)), error);
  CHECK_THROWS_AS(relative_error(w, w, matrix<float>(2, 2)), error);
  matrix<float> bad(2, 3);
  bad(0, 0) = std::numeric_limits<float>::quiet_NaN();
  h(0, 0) = 1;
  CHECK_THROWS_AS(relative_error(w, bad, h), error);
  CHECK_THROWS_AS(relative_error(bad, w, h), error);
}

TEST_CASE("relative_error: takes whatever gives its mean as a matrix") {
  struct moments {
    matrix<float> mean() const { return normal_matrix(5, 5, 9); }
  };
  const auto w = normal_matrix(3, 5, 7), w_hat = normal_matrix(3, 5, 8);
  CHECK(relative_error(w, w_hat, moments{}) == relative_error(w, w_hat, normal_matrix(5, 5, 9)));
}

}  // namespace
