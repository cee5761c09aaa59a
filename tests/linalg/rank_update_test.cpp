// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/linalg/rank_update.hpp>

#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using linalg::rank_update;
using test::normal_matrix;

void check_update(matrix_view<const float> x, matrix_view<float> c) {
  const index_t n = x.cols();
  CAPTURE(n);
  CAPTURE(x.rows());
  for (index_t i = 0; i < n; ++i) {  // C is not read
    for (float& value : c.row(i)) value = std::numeric_limits<float>::quiet_NaN();
  }
  rank_update(x, c);
  bool close = true;
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j <= i; ++j) {
      double sum = 0, magnitude = 0;
      for (index_t t = 0; t < x.rows(); ++t) {
        const double term = static_cast<double>(x(t, i)) * static_cast<double>(x(t, j));
        sum += term, magnitude += std::fabs(term);
      }
      const double bound = static_cast<double>(x.rows() + 1) * 0x1p-24 * magnitude;
      close &= std::fabs(static_cast<double>(c(i, j)) - sum) <= bound;
    }
  }
  CHECK(close);
}

TEST_CASE("rank_update: equals X^T X in double on and below the diagonal") {
  for (const index_t k : {1, 5, 64}) {
    for (const index_t n : {1, 3, 17, 127, 128, 129, 300}) {  // around the strips
      matrix<float> c(n, n);
      check_update(normal_matrix(k, n, 1), c);
    }
  }
}

TEST_CASE("rank_update: strided views, and nothing outside of C is written") {
  const auto x = normal_matrix(40, 30, 2);
  matrix<float> frame(20, 20);
  check_update(x.view().block(3, 5, 33, 12), frame.view().block(2, 4, 12, 12));
  for (index_t i = 0; i < 20; ++i) {
    for (index_t j = 0; j < 20; ++j) {
      const bool inside = 2 <= i && i < 14 && 4 <= j && j < 16;
      if (!inside) CHECK(frame(i, j) == 0);
    }
  }
}

TEST_CASE("rank_update: shapes that do not fit are refused") {
  matrix<float> c(3, 3), oblong(3, 4), none(0, 0);
  CHECK_THROWS_WITH_AS(rank_update(matrix<float>(5, 4), c), "rank_update: x is (5, 4), c is (3, 3)",
                       error);
  CHECK_THROWS_AS(rank_update(matrix<float>(5, 3), oblong), error);
  CHECK_NOTHROW(rank_update(matrix<float>(5, 0), none));
}

}  // namespace
