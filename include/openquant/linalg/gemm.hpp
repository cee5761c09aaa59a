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
/// Eigen's picture of a view.
template <class T>
auto as_eigen(matrix_view<T> a) {
  using value = std::remove_const_t<T>;
  using dense = Eigen::Matrix<value, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using mapped = std::conditional_t<std::is_const_v<T>, const dense, dense>;
  return Eigen::Map<mapped, 0, Eigen::OuterStride<>>(a.data(), a.rows(), a.cols(),
                                                     Eigen::OuterStride<>(a.stride()));
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
  auto out = as_eigen(c);
  if (beta == 0)
    out.setZero();
  else if (beta != 1)
    out *= beta;
  const auto left = as_eigen(a), right = as_eigen(b);
  if constexpr (A == op::none && B == op::none)
    out.noalias() += alpha * left * right;
  else if constexpr (A == op::none)
    out.noalias() += alpha * left * right.transpose();
  else if constexpr (B == op::none)
    out.noalias() += alpha * left.transpose() * right;
  else
    out.noalias() += alpha * left.transpose() * right.transpose();
#endif
}

}  // namespace openquant::linalg
