// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/linalg/gemm.hpp>

namespace openquant::linalg {

/// tr(E H E^T) = sum over rows e of e H e^T, summed in double; an empty H stands for the identity.
/// With op::transpose, e is E^T.
///
/// Shapes:  E : (m, n), H : (n, n) symmetric, or empty; throws openquant::error otherwise
/// Cost:    2 m n^2 flops
template <op Form = op::none>
double weighted_squared_norm(matrix_view<const float> e, matrix_view<const float> h) {
  matrix<float> product(e);  // E H, or H E^T
  if (!h.empty()) {
    if constexpr (Form == op::none)
      gemm(1.0f, e, h, 0.0f, product.view());
    else
      gemm(1.0f, h, e, 0.0f, product.view());
  }
  double sum = 0;
  for (index_t i = 0; i < e.rows(); ++i) {
    for (index_t j = 0; j < e.cols(); ++j) {
      sum += static_cast<double>(e(i, j)) * static_cast<double>(product(i, j));
    }
  }
  return sum;
}

}  // namespace openquant::linalg
