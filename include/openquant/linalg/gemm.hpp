// SPDX-License-Identifier: Apache-2.0
#pragma once
#if defined(OPENQUANT_USE_BLAS)
#include <cblas.h>
#else
#include <Eigen/Core>
#endif
#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>

/// Dense products on Eigen, or on a CBLAS where the build defines OPENQUANT_USE_BLAS. This folder
/// is the only one that names either.
namespace openquant::linalg {

/// How a factor enters a product.
enum class op { none, transpose };

#if !defined(OPENQUANT_USE_BLAS)
/// C <- C + alpha op(A) op(B) of shapes that fit, none of them empty. Eigen's kernels are called
/// directly: an expression of matrices takes a second more to compile.
template <op A, op B>
void add_product(float alpha, matrix_view<const float> a, matrix_view<const float> b,
                 matrix_view<float> c) {
  using namespace Eigen::internal;
  // Row-major C is column-major C^T = op(B)^T op(A)^T, where a factor taken as it is is transposed.
  constexpr int left = B == op::none ? Eigen::ColMajor : Eigen::RowMajor;
  constexpr int right = A == op::none ? Eigen::ColMajor : Eigen::RowMajor;
  constexpr int any = Eigen::Dynamic;
  const Eigen::Index m = c.cols(), n = c.rows(), k = A == op::none ? a.cols() : a.rows();
  gemm_blocking_space<Eigen::ColMajor, float, float, any, any, any> space(m, n, k, 1, true);
  general_matrix_matrix_product<Eigen::Index, float, left, false, float, right, false,
                                Eigen::ColMajor, 1>::run(m, n, k, b.data(), b.stride(), a.data(),
                                                         a.stride(), c.data(), 1, c.stride(), alpha,
                                                         space);
}

/// c <- c + alpha a op(B) for single rows a and c, which packing B would not pay for.
template <op B>
void add_row_product(float alpha, matrix_view<const float> a, matrix_view<const float> b,
                     matrix_view<float> c) {
  using namespace Eigen::internal;
  constexpr int order = B == op::none ? Eigen::ColMajor : Eigen::RowMajor;
  using matrix_map = const_blas_data_mapper<float, Eigen::Index, order>;
  using vector_map = const_blas_data_mapper<float, Eigen::Index, Eigen::RowMajor>;
  general_matrix_vector_product<Eigen::Index, float, matrix_map, order, false, float, vector_map,
                                false>::run(c.cols(), a.cols(), {b.data(), b.stride()},
                                            {a.data(), 1}, c.data(), 1, alpha);
}
#endif

/// C <- beta C + alpha op(A) op(B).  With beta = 0, C is not read.
///
/// Shapes:  op(A) : (m, k), op(B) : (k, n), C : (m, n); throws openquant::error otherwise
/// Cost:    2 m n k flops, on the calling thread (a threaded BLAS decides for itself)
template <op A = op::none, op B = op::none>
void gemm(float alpha, matrix_view<const float> a, matrix_view<const float> b, float beta,
          matrix_view<float> c) {
  const index_t m = A == op::none ? a.rows() : a.cols(), k = A == op::none ? a.cols() : a.rows();
  const index_t k2 = B == op::none ? b.rows() : b.cols(), n = B == op::none ? b.cols() : b.rows();
  if (k != k2 || c.rows() != m || c.cols() != n) {
    fail("gemm: (", m, ", ", k, ") times (", k2, ", ", n, ") into (", c.rows(), ", ", c.cols(),
         ")");
  }
  if (m == 0 || n == 0) return;
#if defined(OPENQUANT_USE_BLAS)
  const auto flag = [](op o) { return o == op::none ? CblasNoTrans : CblasTrans; };
  const auto ld = [](index_t stride) { return static_cast<int>(stride > 0 ? stride : 1); };
  cblas_sgemm(CblasRowMajor, flag(A), flag(B), static_cast<int>(m), static_cast<int>(n),
              static_cast<int>(k), alpha, a.data(), ld(a.stride()), b.data(), ld(b.stride()), beta,
              c.data(), ld(c.stride()));
#else
  if (beta != 1) {
    for (index_t i = 0; i < m; ++i) {
      for (float& value : c.row(i)) value = beta == 0 ? 0.0f : beta * value;
    }
  }
  if (k == 0) return;
  if constexpr (A == op::none) {
    if (m == 1) return add_row_product<B>(alpha, a, b, c);
  }
  add_product<A, B>(alpha, a, b, c);
#endif
}

}  // namespace openquant::linalg
