// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <limits>

#include <openquant/linalg/gemm.hpp>

/// What cuBLAS, whose matrices are column-major and whose sizes are int, is asked for where ours
/// are row-major: a row-major matrix is its transpose, column-major.
namespace openquant::cuda {

/// The arguments of cublasSgemm for C <- beta C + alpha op(A) op(B), which it sees as
/// C^T <- beta C^T + alpha op(B)^T op(A)^T.
struct gemm_arguments {
  linalg::op left_op, right_op;
  int m, n, k;  // the shape (m, n) is that of C^T
  const float* left;
  int left_stride;
  const float* right;
  int right_stride;
  float* c;
  int c_stride;
};

/// The arguments of cublasSsyrk for C <- beta C + alpha X^T X on and below the diagonal, which it
/// sees as the upper triangle, and X as X^T: (n, k).
struct syrk_arguments {
  int n, k;
  const float* x;
  int x_stride;
  float* c;
  int c_stride;
};

namespace blas_steps {

/// A size as an int; `where` begins the message.
template <class... Where>
int narrow(index_t size, const Where&... where) {
  constexpr index_t largest = std::numeric_limits<int>::max();
  if (size > largest) fail(where..., ": ", size, " exceeds the ", largest, " of cuBLAS");
  return static_cast<int>(size);
}

/// Between the columns that cuBLAS sees. A single row may have any stride, which cuBLAS would
/// refuse below its width.
template <class View>
index_t stride(const View& x) {
  return std::max(x.rows() > 1 ? x.stride() : x.cols(), index_t{1});
}

}  // namespace blas_steps

/// Throws openquant::error where the shapes do not fit, or do not fit an int.
template <linalg::op A, linalg::op B>
gemm_arguments make_gemm_arguments(matrix_view<const float, device> a,
                                   matrix_view<const float, device> b,
                                   matrix_view<float, device> c) {
  using linalg::op;
  const index_t m = A == op::none ? a.rows() : a.cols(), k = A == op::none ? a.cols() : a.rows();
  const index_t k2 = B == op::none ? b.rows() : b.cols(), n = B == op::none ? b.cols() : b.rows();
  if (k != k2 || c.rows() != m || c.cols() != n) {
    fail("cuda: multiply_add: (", m, ", ", k, ") times (", k2, ", ", n, ") into (", c.rows(), ", ",
         c.cols(), ")");
  }
  const auto size = [&](index_t x) {
    return blas_steps::narrow(x, "cuda: multiply_add: (", m, ", ", k, ") times (", k, ", ", n, ")");
  };
  using blas_steps::stride;
  gemm_arguments g{B, A, size(n), size(m), size(k), b.data(), 0, a.data(), 0, c.data(), 0};
  g.left_stride = size(blas_steps::stride(b));
  g.right_stride = size(blas_steps::stride(a));
  g.c_stride = size(blas_steps::stride(c));
  return g;
}

/// Throws openquant::error where the shapes do not fit, or do not fit an int.
inline syrk_arguments make_syrk_arguments(matrix_view<const float, device> x,
                                          matrix_view<float, device> c) {
  const index_t k = x.rows(), n = x.cols();
  if (c.rows() != n || c.cols() != n) {
    fail("cuda: rank_update: x is (", k, ", ", n, "), c is (", c.rows(), ", ", c.cols(), ")");
  }
  const auto size = [&](index_t y) {
    return blas_steps::narrow(y, "cuda: rank_update: x is (", k, ", ", n, ")");
  };
  return {size(n),  size(k),
          x.data(), size(blas_steps::stride(x)),
          c.data(), size(blas_steps::stride(c))};
}

}  // namespace openquant::cuda
