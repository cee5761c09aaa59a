// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/linalg/gemm.hpp>

#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using linalg::gemm;
using linalg::op;
using test::normal_matrix;

double at(op o, matrix_view<const float> a, index_t i, index_t j) {
  return static_cast<double>(o == op::none ? a(i, j) : a(j, i));
}

/// Against the definition in double. k products and sums round, each by 2^-24 of the magnitudes.
template <op A, op B>
void check_product(float alpha, matrix_view<const float> a, matrix_view<const float> b, float beta,
                   matrix_view<float> c) {
  const matrix<float> before(c);
  gemm<A, B>(alpha, a, b, beta, c);
  const index_t depth = A == op::none ? a.cols() : a.rows();
  for (index_t i = 0; i < c.rows(); ++i) {
    for (index_t j = 0; j < c.cols(); ++j) {
      double sum = 0, magnitude = 0;
      for (index_t k = 0; k < depth; ++k) {
        const double term = at(A, a, i, k) * at(B, b, k, j);
        sum += term, magnitude += std::fabs(term);
      }
      const double old = beta == 0 ? 0 : static_cast<double>(beta * before(i, j));
      const double expected = static_cast<double>(alpha) * sum + old;
      const double bound = static_cast<double>(depth + 4) * 0x1p-24 *
                           (std::fabs(static_cast<double>(alpha)) * magnitude + std::fabs(old));
      CHECK(std::fabs(static_cast<double>(c(i, j)) - expected) <= bound);
    }
  }
}

template <op A, op B>
void check_shapes() {
  struct shape {
    index_t m, k, n;
  };
  for (const auto [m, k, n] : {shape{1, 1, 1}, shape{3, 5, 2}, shape{17, 33, 9}, shape{1, 40, 7},
                               shape{16, 16, 16}, shape{7, 1, 40}}) {
    for (const float alpha : {1.0f, -0.5f}) {
      for (const float beta : {0.0f, 1.0f, 0.25f}) {
        const auto a = A == op::none ? normal_matrix(m, k, 1) : normal_matrix(k, m, 1);
        const auto b = B == op::none ? normal_matrix(k, n, 2) : normal_matrix(n, k, 2);
        auto c = normal_matrix(m, n, 3);
        check_product<A, B>(alpha, a, b, beta, c);
      }
    }
  }
}

TEST_CASE("gemm: equals the definition for every op") {
  check_shapes<op::none, op::none>();
  check_shapes<op::none, op::transpose>();
  check_shapes<op::transpose, op::none>();
  check_shapes<op::transpose, op::transpose>();
}

TEST_CASE("gemm: strided views, and nothing outside C is written") {
  const auto a = normal_matrix(20, 30, 1), b = normal_matrix(20, 30, 2);
  auto c = normal_matrix(20, 30, 3);
  const matrix<float> before(c.view());
  check_product<op::none, op::transpose>(1.0f, a.view().block(2, 3, 7, 11),
                                         b.view().block(5, 1, 9, 11), -1.0f,
                                         c.view().block(4, 6, 7, 9));
  for (index_t i = 0; i < 20; ++i) {
    for (index_t j = 0; j < 30; ++j) {
      if (i < 4 || i >= 11 || j < 6 || j >= 15) CHECK(c(i, j) == before(i, j));
    }
  }
}

TEST_CASE("gemm: with beta 0, C is not read") {
  const auto a = normal_matrix(6, 8, 1), b = normal_matrix(8, 5, 2);
  matrix<float> c(6, 5);
  for (float& x : std::span(c.data(), 30)) x = std::numeric_limits<float>::quiet_NaN();
  check_product<op::none, op::none>(1.0f, a, b, 0.0f, c);
}

TEST_CASE("gemm: empty sums and empty results") {
  auto c = normal_matrix(2, 3, 1);
  const matrix<float> before(c.view());
  gemm(1.0f, matrix<float>(2, 0), matrix<float>(0, 3), 1.0f, c.view());
  CHECK(c == before);
  gemm(1.0f, matrix<float>(2, 0), matrix<float>(0, 3), 0.0f, c.view());
  CHECK(c == matrix<float>(2, 3));
  matrix<float> none(0, 3);
  CHECK_NOTHROW(gemm(1.0f, matrix<float>(0, 4), matrix<float>(4, 3), 0.0f, none.view()));
}

TEST_CASE("gemm: shapes that do not fit are refused, with all of them") {
  matrix<float> a(2, 3), c(2, 4);
  CHECK_THROWS_WITH_AS(gemm(1.0f, a, matrix<float>(5, 4), 0.0f, c.view()),
                       "gemm: (2, 3) times (5, 4) into (2, 4)", error);
  CHECK_THROWS_AS(gemm(1.0f, a, matrix<float>(3, 5), 0.0f, c.view()), error);
  CHECK_THROWS_AS(gemm(1.0f, matrix<float>(3, 3), matrix<float>(3, 4), 0.0f, c.view()), error);
  CHECK_THROWS_AS(gemm<op::transpose>(1.0f, a, matrix<float>(3, 4), 0.0f, c.view()), error);
  CHECK_THROWS_AS((gemm<op::none, op::transpose>(1.0f, a, matrix<float>(3, 4), 0.0f, c.view())),
                  error);
}

}  // namespace
