// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <openquant/linalg/gemm.hpp>

namespace openquant::linalg {

/// H <- H + X^T X on and below the diagonal: products in float over at most 256 rows at a time,
/// their sums in double, so that the rounding error does not grow with the number of tokens.
///
/// Shapes:  X : (tokens, n), H : (n, n); throws openquant::error otherwise
/// Cost:    tokens n^2 flops
inline void add_gram(matrix_view<const float> x, matrix_view<double> h) {
  const index_t tokens = x.rows(), n = x.cols();
  if (h.rows() != n || h.cols() != n) {
    fail("add_gram: x is (", tokens, ", ", n, "), h is (", h.rows(), ", ", h.cols(), ")");
  }
  if (n == 0) return;
  constexpr index_t chunk = 256;
  matrix<float> product(n, n);
  for (index_t t = 0; t < tokens; t += chunk) {
    const auto part = x.block(t, 0, std::min(chunk, tokens - t), n);  // (<= 256, n)
#if defined(OPENQUANT_USE_BLAS)
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, static_cast<int>(n),
                static_cast<int>(part.rows()), 1.0f, part.data(), static_cast<int>(part.stride()),
                0.0f, product.data(), static_cast<int>(n));
#else
    auto out = as_eigen(product.view());
    out.setZero();
    out.selfadjointView<Eigen::Lower>().rankUpdate(as_eigen(part).transpose());
#endif
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j <= i; ++j) h(i, j) += static_cast<double>(product(i, j));
    }
  }
}

}  // namespace openquant::linalg
