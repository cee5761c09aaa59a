// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <span>

#include <openquant/linalg/gemm.hpp>

namespace openquant::linalg {

namespace gram_steps {

/// sum <- sum + x, in runs of a fixed length, which every compiler vectorises.
inline void add(std::span<const float> x, double* sum) {
  constexpr std::size_t run = 16;
  std::size_t i = 0;
  for (; i + run <= x.size(); i += run) {
    for (std::size_t k = 0; k < run; ++k) sum[i + k] += static_cast<double>(x[i + k]);
  }
  for (; i < x.size(); ++i) sum[i] += static_cast<double>(x[i]);
}

}  // namespace gram_steps

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
  // A tile of H stays near while all chunks are added to it.
  constexpr index_t chunk = 256, tile_rows = 256, tile_cols = 1024;
  static_assert(tile_cols % tile_rows == 0);  // so that no tile begins right of the diagonal
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
        for (index_t k = 0; k < rows; ++k) {  // on and below the diagonal
          gram_steps::add(
              part.row(k).first(static_cast<std::size_t>(std::min(cols, i + k + 1 - j))),
              &h(i + k, j));
        }
      }
    }
  }
}

}  // namespace openquant::linalg
