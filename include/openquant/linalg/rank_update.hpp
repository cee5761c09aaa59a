// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <openquant/linalg/gemm.hpp>

namespace openquant::linalg {

/// C <- X^T X on and below the diagonal, in float; what is above it may be overwritten. C is not
/// read.
///
/// Shapes:  X : (k, n), C : (n, n); throws openquant::error otherwise
/// Cost:    k n^2 flops (without a BLAS up to 128 / n more), on the calling thread
inline void rank_update(matrix_view<const float> x, matrix_view<float> c) {
  const index_t n = x.cols();
  if (c.rows() != n || c.cols() != n) {
    fail("rank_update: x is (", x.rows(), ", ", n, "), c is (", c.rows(), ", ", c.cols(), ")");
  }
#if defined(OPENQUANT_USE_BLAS)
  if (n == 0) return;
  cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, static_cast<int>(n),
              static_cast<int>(x.rows()), 1, x.data(), static_cast<int>(x.stride()), 0, c.data(),
              static_cast<int>(c.stride()));
#else
  constexpr index_t strip = 128;  // of rows of C, each up to where its diagonal ends
  for (index_t i = 0; i < n; i += strip) {
    const index_t rows = std::min(strip, n - i);
    gemm<op::transpose>(1.0f, x.block(0, i, x.rows(), rows), x.block(0, 0, x.rows(), i + rows),
                        0.0f, c.block(i, 0, rows, i + rows));
  }
#endif
}

}  // namespace openquant::linalg
