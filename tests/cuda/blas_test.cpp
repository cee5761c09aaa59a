// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/cuda/blas.hpp>

#include "cuda/window.hpp"

namespace {

using namespace openquant;
using linalg::op;
using test::window;

/// What BLAS says of column-major matrices: C <- beta C + alpha op(L) op(R), summed in double.
void reference_gemm(float alpha, const cuda::gemm_arguments& g, float beta) {
  const auto at = [](const float* x, int stride, op o, index_t i, index_t j) {
    return static_cast<double>(o == op::none ? x[i + j * stride] : x[j + i * stride]);
  };
  for (index_t i = 0; i < g.m; ++i) {
    for (index_t j = 0; j < g.n; ++j) {
      double sum = 0;
      for (index_t k = 0; k < g.k; ++k) {
        sum += at(g.left, g.left_stride, g.left_op, i, k) *
               at(g.right, g.right_stride, g.right_op, k, j);
      }
      float& c = g.c[i + j * g.c_stride];
      const double before = beta == 0 ? 0.0 : static_cast<double>(beta) * static_cast<double>(c);
      c = static_cast<float>(before + static_cast<double>(alpha) * sum);
    }
  }
}

/// C <- beta C + alpha X X^T in the upper triangle of a column-major C, X : (n, k).
void reference_syrk(float alpha, const cuda::syrk_arguments& s, float beta) {
  for (index_t j = 0; j < s.n; ++j) {
    for (index_t i = 0; i <= j; ++i) {
      double sum = 0;
      for (index_t k = 0; k < s.k; ++k) {
        sum += static_cast<double>(s.x[i + k * s.x_stride]) *
               static_cast<double>(s.x[j + k * s.x_stride]);
      }
      float& c = s.c[i + j * s.c_stride];
      c = static_cast<float>(static_cast<double>(beta) * static_cast<double>(c) +
                             static_cast<double>(alpha) * sum);
    }
  }
}

matrix_view<const float> on_host(matrix_view<const float, device> x) {
  return {x.data(), x.rows(), x.cols(), x.stride()};
}

/// Against `linalg::gemm` on windows of larger matrices, of which nothing else may change.
template <op A, op B>
void check_product(index_t m, index_t n, index_t k, index_t gap) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(gap);
  window<float> a = A == op::none ? window<float>(m, k, gap, 1) : window<float>(k, m, gap, 1);
  window<float> b = B == op::none ? window<float>(k, n, gap, 2) : window<float>(n, k, gap, 2);
  for (const float beta : {0.0f, 1.0f, -0.5f}) {
    window<float> c(m, n, 2 * gap, 3), expected = c;
    reference_gemm(1.5f, cuda::make_gemm_arguments<A, B>(a.view(), b.view(), c.view()), beta);
    matrix<float> product(m, n);
    linalg::gemm<A, B>(1.5f, on_host(a.view()), on_host(b.view()), 0.0f, product);
    for (index_t i = 0; i < m; ++i) {
      for (index_t j = 0; j < n; ++j) {
        const float value = (beta == 0 ? 0.0f : beta * expected(i, j)) + product(i, j);
        CHECK(std::fabs(c(i, j) - value) <= 1e-5f);
        expected(i, j) = c(i, j);
      }
    }
    CHECK(c.all == expected.all);
  }
}

TEST_CASE("cuda::multiply_add: what cuBLAS is asked for is the row-major product") {
  for (const index_t gap : {0, 3}) {
    for (const index_t k : {0, 1, 6}) {
      for (const index_t m : {1, 4}) {
        for (const index_t n : {1, 5}) {
          check_product<op::none, op::none>(m, n, k, gap);
          check_product<op::none, op::transpose>(m, n, k, gap);
          check_product<op::transpose, op::none>(m, n, k, gap);
          check_product<op::transpose, op::transpose>(m, n, k, gap);
        }
      }
    }
  }
}

TEST_CASE("cuda::rank_update: X^T X on and below the diagonal, nothing above") {
  for (const index_t gap : {0, 3}) {
    for (const index_t n : {1, 6}) {
      for (const index_t k : {0, 1, 4}) {
        window<float> x(k, n, gap, 1), c(n, n, gap, 2), expected = c;
        reference_syrk(2.0f, cuda::make_syrk_arguments(x.view(), c.view()), 0.5f);
        for (index_t i = 0; i < n; ++i) {
          for (index_t j = 0; j <= i; ++j) {
            float sum = 0.5f * expected(i, j);
            for (index_t t = 0; t < k; ++t) sum += 2.0f * x(t, i) * x(t, j);
            CHECK(std::fabs(c(i, j) - sum) <= 1e-5f);
            expected(i, j) = c(i, j);
          }
        }
        CHECK(c.all == expected.all);
      }
    }
  }
}

TEST_CASE("cuda::multiply_add: every stride is one that BLAS admits") {
  // A row may have any stride, a matrix without rows or columns none at all.
  float x[8] = {};
  const auto view = [&](index_t rows, index_t cols, index_t stride) {
    return matrix_view<float, device>(x, rows, cols, stride);
  };
  const auto row =
      cuda::make_gemm_arguments<op::none, op::none>(view(1, 3, 1), view(3, 4, 4), view(1, 4, 0));
  CHECK(row.right_stride == 3);
  CHECK(row.left_stride == 4);
  CHECK(row.c_stride == 4);
  const auto none =
      cuda::make_gemm_arguments<op::none, op::none>(view(2, 0, 0), view(0, 4, 4), view(2, 4, 4));
  CHECK(none.right_stride == 1);
  CHECK(none.k == 0);
}

TEST_CASE("cuda::multiply_add: refuses other shapes") {
  float x[1] = {};
  const auto view = [&](index_t rows, index_t cols) {
    return matrix_view<float, device>(x, rows, cols);
  };
  const auto call = [](auto... views) { cuda::make_gemm_arguments<op::none, op::none>(views...); };
  CHECK_THROWS_WITH_AS(call(view(2, 3), view(5, 4), view(2, 4)),
                       "cuda: multiply_add: (2, 3) times (5, 4) into (2, 4)", error);
  CHECK_THROWS_AS(call(view(2, 3), view(3, 4), view(3, 4)), error);
  CHECK_THROWS_AS(call(view(2, 3), view(3, 4), view(2, 5)), error);
  const auto transposed =
      cuda::make_gemm_arguments<op::transpose, op::transpose>(view(3, 2), view(4, 3), view(2, 4));
  CHECK(transposed.k == 3);
  CHECK_THROWS_WITH_AS(cuda::make_syrk_arguments(view(7, 3), view(3, 4)),
                       "cuda: rank_update: x is (7, 3), c is (3, 4)", error);
}

TEST_CASE("cuda::multiply_add: refuses what an int cannot count") {
  float x[1] = {};
  const index_t most = (index_t{1} << 31) - 1, more = most + 1;
  const auto view = [&](index_t rows, index_t cols, index_t stride) {
    return matrix_view<float, device>(x, rows, cols, stride);
  };
  const auto call = [](auto... views) {
    return cuda::make_gemm_arguments<op::none, op::none>(views...);
  };
  CHECK(call(view(most, 2, 2), view(2, 3, 3), view(most, 3, 3)).n == most);
  CHECK_THROWS_WITH_AS(call(view(more, 2, 2), view(2, 3, 3), view(more, 3, 3)),
                       "cuda: multiply_add: (2147483648, 2) times (2, 3): 2147483648 exceeds the "
                       "2147483647 of cuBLAS",
                       error);
  CHECK_THROWS_AS(call(view(4, more, more), view(more, 3, 3), view(4, 3, 3)), error);
  CHECK_THROWS_AS(call(view(4, 2, 2), view(2, 3, more), view(4, 3, 3)), error);
  CHECK_THROWS_AS(call(view(4, 2, more), view(2, 3, 3), view(4, 3, 3)), error);
  CHECK_THROWS_AS(call(view(4, 2, 2), view(2, 3, 3), view(4, 3, more)), error);
  CHECK_THROWS_WITH_AS(cuda::make_syrk_arguments(view(more, 2, 2), view(2, 2, 2)),
                       "cuda: rank_update: x is (2147483648, 2): 2147483648 exceeds the "
                       "2147483647 of cuBLAS",
                       error);
}

}  // namespace
