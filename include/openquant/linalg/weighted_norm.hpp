// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <openquant/linalg/gemm.hpp>

namespace openquant::linalg {

/// tr(A_k^T B_k) for matrices of `width` columns that lie side by side in A and in B, in double.
///
/// Shapes:  a, b : (n, K width), which the caller sees to
/// Returns: K sums
inline std::vector<double> inner_products(matrix_view<const float> a, matrix_view<const float> b,
                                          index_t width) {
  std::vector<double> sums(static_cast<std::size_t>(a.cols() / width));
  for (index_t i = 0; i < a.rows(); ++i) {
    for (index_t j = 0; j < a.cols(); j += width) {
      double& sum = sums[static_cast<std::size_t>(j / width)];
      for (index_t k = j; k < j + width; ++k) {
        sum += static_cast<double>(a(i, k)) * static_cast<double>(b(i, k));
      }
    }
  }
  return sums;
}

/// tr(E_k H E_k^T) for matrices E_k of `width` rows that lie side by side as [E_0^T E_1^T ...], by
/// products with the upper half of H; sums in double. An empty H stands for the identity.
///
/// Shapes:  e : (n, K width), H : (n, n) symmetric, or empty; throws openquant::error otherwise
/// Returns: K sums
/// Cost:    K width n (n + 512) flops
inline std::vector<double> weighted_squared_norms(matrix_view<const float> e,
                                                  matrix_view<const float> h, index_t width) {
  const index_t n = e.rows();
  if (width < 1 || e.cols() % width != 0) {
    fail("weighted_squared_norms: ", e.cols(), " columns are no matrices of ", width, " rows");
  }
  if (!h.empty() && (h.rows() != n || h.cols() != n)) {
    fail("weighted_squared_norms: e is (", n, ", ", e.cols(), "), h is (", h.rows(), ", ", h.cols(),
         ")");
  }
  matrix<float> product(e);
  constexpr index_t block = 512;  // e^T H e = sum_b e_b^T (H_bb e_b + 2 sum_{a<b} H_ab^T e_a)
  for (index_t b = 0; b < h.rows(); b += block) {
    const index_t rows = std::min(block, n - b);
    const auto of_block = product.view().block(b, 0, rows, e.cols());
    gemm<op::transpose>(1.0f, h.block(b, b, rows, rows), e.block(b, 0, rows, e.cols()), 0.0f,
                        of_block);
    if (b == 0) continue;
    gemm<op::transpose>(2.0f, h.block(0, b, b, rows), e.block(0, 0, b, e.cols()), 1.0f, of_block);
  }
  return inner_products(e, product, width);
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
