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
  // A tile of H stays in the cache while all chunks are added to it.
  constexpr index_t chunk = 256, tile_rows = 128, tile_cols = 512;
  matrix<float> product(std::min(tile_rows, n), std::min(tile_cols, n));
  for (index_t i = 0; i < n; i += tile_rows) {
    const index_t rows = std::min(tile_rows, n - i);
    for (index_t j = 0; j < i + rows; j += tile_cols) {
      const index_t cols = std::min(tile_cols, i + rows - j);
      const auto part = product.view().block(0, 0, rows, cols);
      for (index_t t = 0; t < tokens; t += chunk) {
        const index_t count = std::min(chunk, tokens - t);
        gemm<op::transpose>(1.0f, x.block(t, i, count, rows), x.block(t, j, count, cols), 0.0f,
                            part);
        for (index_t k = 0; k < rows; ++k) {
          const index_t end = std::min(cols, i + k + 1 - j);  // at the diagonal
          for (index_t l = 0; l < end; ++l) h(i + k, j + l) += static_cast<double>(part(k, l));
        }
      }
    }
  }
}

}  // namespace openquant::linalg
