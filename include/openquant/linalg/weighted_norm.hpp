// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <openquant/linalg/gemm.hpp>

namespace openquant::linalg {

/// tr(E_k H E_k^T) for matrices E_k of `width` rows that lie side by side as [E_0^T E_1^T ...], by
/// one product; sums in double. An empty H stands for the identity.
///
/// Shapes:  e : (n, K width), H : (n, n) symmetric, or empty; throws openquant::error otherwise
/// Returns: K sums
/// Cost:    2 K width n^2 flops
inline std::vector<double> weighted_squared_norms(matrix_view<const float> e,
                                                  matrix_view<const float> h, index_t width) {
  if (width < 1 || e.cols() % width != 0) {
    fail("weighted_squared_norms: ", e.cols(), " columns are no matrices of ", width, " rows");
  }
  matrix<float> product(e);
  // H is its own transpose, and this product is compiled for the solver as well.
  if (!h.empty()) gemm<op::transpose, op::none>(1.0f, h, e, 0.0f, product.view());
  std::vector<double> sums(static_cast<std::size_t>(e.cols() / width));
  for (index_t i = 0; i < e.rows(); ++i) {
    for (index_t j = 0; j < e.cols(); ++j) {
      sums[static_cast<std::size_t>(j / width)] +=
          static_cast<double>(e(i, j)) * static_cast<double>(product(i, j));
    }
  }
  return sums;
}

/// tr(E H E^T) = sum over rows e of e H e^T, summed in double; an empty H stands for the identity.
///
/// Shapes:  E : (m, n), H : (n, n) symmetric, or empty; throws openquant::error otherwise
/// Cost:    2 m n^2 flops
inline double weighted_squared_norm(matrix_view<const float> e, matrix_view<const float> h) {
  matrix<float> product(e);  // E H
  if (!h.empty()) gemm(1.0f, e, h, 0.0f, product.view());
  double sum = 0;
  for (index_t i = 0; i < e.rows(); ++i) {
    for (index_t j = 0; j < e.cols(); ++j) {
      sum += static_cast<double>(e(i, j)) * static_cast<double>(product(i, j));
    }
  }
  return sum;
}

}  // namespace openquant::linalg
