// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/linalg/gram.hpp>

#include "normal_matrix.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using linalg::add_gram;
using test::normal_matrix;

void check_gram(matrix_view<const float> x) {
  const index_t n = x.cols();
  matrix<double> h(n, n);
  for (index_t i = 0; i < n * n; ++i) h.data()[i] = 100 + static_cast<double>(i);
  add_gram(x, h);
  bool above = true, close = true;
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      const double start = 100 + static_cast<double>(i * n + j);
      if (j > i) {
        above &= h(i, j) == start;  // nothing is written there
        continue;
      }
      double sum = start, magnitude = 0;
      for (index_t t = 0; t < x.rows(); ++t) {
        const double term = static_cast<double>(x(t, i)) * static_cast<double>(x(t, j));
        sum += term, magnitude += std::fabs(term);
      }
      // Chunks of 1024 in float: each of their sums rounds at most 1024 times, whatever the tokens.
      close &= std::fabs(h(i, j) - sum) <= 1025 * 0x1p-24 * magnitude + 0x1p-52 * start;
    }
  }
  CAPTURE(n);
  CAPTURE(x.rows());
  CHECK(above);
  CHECK(close);
}

TEST_CASE("gram: equals X^T X in double on and below the diagonal") {
  for (const index_t tokens : {0, 1, 5, 1023, 1024, 1025, 2100}) {
    for (const index_t n : {1, 3, 17, 130}) check_gram(normal_matrix(tokens, n, 1));
  }
  for (const index_t n : {1023, 1024, 1025, 2100}) check_gram(normal_matrix(3, n, 1));  // the tiles
}

TEST_CASE("gram: strided rows") {
  const auto x = normal_matrix(40, 30, 2);
  check_gram(x.view().block(3, 5, 33, 12));
}

TEST_CASE("gram: calls add up") {
  const auto x = normal_matrix(2048, 6, 3);
  matrix<double> once(6, 6), twice(6, 6);
  add_gram(x, once);
  add_gram(x.view().block(0, 0, 1024, 6), twice);
  add_gram(x.view().block(1024, 0, 1024, 6), twice);
  CHECK(once == twice);
}

/// The largest error of an entry, in units of 2^-24 of the sum of its products' magnitudes, against
/// sums of long double.
double measured_error(matrix_view<const float> x) {
  const index_t n = x.cols();
  matrix<double> h(n, n);
  add_gram(x, h);
  double worst = 0;
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j <= i; ++j) {
      long double sum = 0, magnitude = 0;
      for (index_t t = 0; t < x.rows(); ++t) {
        const long double term =
            static_cast<long double>(x(t, i)) * static_cast<long double>(x(t, j));
        sum += term, magnitude += std::fabs(term);
      }
      const long double error = std::fabs(static_cast<long double>(h(i, j)) - sum);
      worst = test::worst(worst, static_cast<double>(error / magnitude) * 0x1p24);
    }
  }
  return worst;
}

TEST_CASE("gram: the error measured is far below the bound") {
  constexpr index_t n = 40;
  const auto some = normal_matrix(1024, n, 4), many = normal_matrix(8192, n, 4);
  matrix<float> positive(many.view());  // nothing cancels: the diagonal of every Hessian is so
  for (index_t i = 0; i < 8192 * n; ++i) positive.data()[i] = std::fabs(positive.data()[i]);
  CHECK(measured_error(some) <= 32);
  CHECK(measured_error(many) <= 8);
  CHECK(measured_error(positive.view().block(0, 0, 1024, n)) <= 32);
  CHECK(measured_error(positive) <= 8);
}

TEST_CASE("gram: many tokens do not drown in the sum") {
  // 2^25 in float would swallow each further 1; the sums of chunks are in double.
  matrix<double> h(1, 1);
  matrix<float> big(1, 1), ones(1000, 1);
  big(0, 0) = 8192;
  for (index_t t = 0; t < 1000; ++t) ones(t, 0) = 1;
  add_gram(big, h);
  add_gram(ones, h);
  CHECK(h(0, 0) == 67108864.0 + 1000.0);
}

TEST_CASE("gram: shapes that do not fit are refused") {
  matrix<double> h(3, 3), oblong(3, 4);
  CHECK_THROWS_WITH_AS(add_gram(matrix<float>(5, 4), h), "add_gram: x is (5, 4), h is (3, 3)",
                       error);
  CHECK_THROWS_AS(add_gram(matrix<float>(5, 3), oblong), error);
  matrix<double> none(0, 0);
  CHECK_NOTHROW(add_gram(matrix<float>(5, 0), none));
}

}  // namespace
