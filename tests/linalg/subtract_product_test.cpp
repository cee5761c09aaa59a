// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/core/random.hpp>
#include <openquant/linalg/subtract_product.hpp>

#include "core/lane_cases.hpp"

namespace {

using namespace openquant;
using linalg::subtract_product;

template <class Real>
matrix<Real> random_matrix(index_t rows, index_t cols, std::uint64_t seed) {
  matrix<Real> a(rows, cols);
  for (index_t i = 0; i < rows * cols; ++i) {
    a.data()[i] = static_cast<Real>(random::normal(seed, static_cast<std::uint64_t>(i))) / 3;
  }
  return a;
}

/// Within (k + 2) roundings of the sum of the magnitudes of C and its terms.
template <class Real>
void check_product(matrix_view<const Real> x, matrix_view<const Real> y, matrix_view<Real> c) {
  CAPTURE(x.rows());
  CAPTURE(c.rows());
  CAPTURE(c.cols());
  const matrix<Real> before(c);
  subtract_product<Real>(x, y, c);
  bool close = true;
  for (index_t i = 0; i < c.rows(); ++i) {
    for (index_t j = 0; j < c.cols(); ++j) {
      auto sum = static_cast<long double>(before(i, j)), magnitude = std::fabs(sum);
      for (index_t k = 0; k < x.rows(); ++k) {
        const auto term = static_cast<long double>(x(k, i)) * static_cast<long double>(y(k, j));
        sum -= term, magnitude += std::fabs(term);
      }
      const long double eps = static_cast<long double>(std::numeric_limits<Real>::epsilon()) / 2;
      const auto bound = static_cast<long double>(x.rows() + 2) * eps * magnitude;
      close &= std::fabs(static_cast<long double>(c(i, j)) - sum) <= bound;
    }
  }
  CHECK(close);
}

TEST_CASE_TEMPLATE("subtract_product: equals the sums in long double", Real, float, double) {
  for (const index_t k : {1, 7, 256, 257, 600}) {  // around the depth
    for (const index_t m : {1, 3, 4, 5, 30}) {     // around the columns of X in registers
      for (const index_t n : {1, 2, 3, 7, 8, 9, 15, 16, 17, 40}) {  // around strips of each width
        const auto x = random_matrix<Real>(k, m, 1), y = random_matrix<Real>(k, n, 2);
        auto c = random_matrix<Real>(m, n, 3);
        check_product<Real>(x, y, c);
      }
    }
  }
}

TEST_CASE_TEMPLATE("subtract_product: strided views, and nothing outside of C is written", Real,
                   float, double) {
  const auto x = random_matrix<Real>(40, 30, 2), y = random_matrix<Real>(50, 25, 3);
  matrix<Real> frame(20, 30);
  check_product<Real>(x.view().block(3, 5, 33, 13), y.view().block(1, 2, 33, 19),
                      frame.view().block(2, 4, 13, 19));
  bool untouched = true;
  for (index_t i = 0; i < 20; ++i) {
    for (index_t j = 0; j < 30; ++j) {
      const bool inside = 2 <= i && i < 15 && 4 <= j && j < 23;
      untouched &= inside || frame(i, j) == 0;
    }
  }
  CHECK(untouched);
}

TEST_CASE_TEMPLATE("subtract_product: every width gives the bits of one number after the other",
                   Arch, baseline_arch, test::middle_arch, default_arch) {
  for (const index_t m : {1, 3, 4, 5, 9}) {
    for (const index_t n : {1, 3, 4, 5, 8, 15, 16, 17, 33}) {
      const auto x = random_matrix<double>(50, m + 2, 6), y = random_matrix<double>(50, n + 1, 7);
      const auto left = x.view().block(0, 1, 50, m), right = y.view().block(0, 1, 50, n);
      const auto before = random_matrix<double>(m, n, 8);
      matrix<double> c(before.view());
      linalg::subtract_flat_product<Arch>(left, right, c);
      index_t different = 0;
      for (index_t i = 0; i < m; ++i) {
        for (index_t j = 0; j < n; ++j) {
          double sum = 0;
          for (index_t k = 0; k < 50; ++k) {
            const double term = left(k, i) * right(k, j);
            sum = sum + term;
          }
          different += c(i, j) != before(i, j) - sum;
        }
      }
      CHECK(different == 0);
    }
  }
}

TEST_CASE("subtract_product: a NaN or an infinity stays in its row and column") {
  auto x = random_matrix<double>(20, 6, 4), y = random_matrix<double>(20, 17, 5);
  x(3, 5) = std::numeric_limits<double>::quiet_NaN();
  y(4, 16) = std::numeric_limits<double>::infinity();
  matrix<double> c(6, 17);
  subtract_product<double>(x, y, c);
  bool right = true;
  for (index_t i = 0; i < 6; ++i) {
    for (index_t j = 0; j < 17; ++j) right &= std::isfinite(c(i, j)) == (i < 5 && j < 16);
  }
  CHECK(right);
}

}  // namespace
