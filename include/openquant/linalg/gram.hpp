// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <openquant/core/prefetch.hpp>
#include <openquant/linalg/gemm.hpp>
#include <openquant/linalg/rank_update.hpp>

namespace openquant::linalg {

namespace gram_steps {

/// sum <- sum + x, in runs of a fixed length, which every compiler vectorises. The same elements of
/// the next rows, x_stride and sum_stride further on, are asked for meanwhile.
inline void add(const float* x, index_t x_stride, index_t n, double* sum, index_t sum_stride) {
  constexpr index_t run = 16;
  const index_t whole = n - n % run;
  for (index_t i = 0; i < whole; i += run) {
    prefetch_near(x + x_stride + i);
    prefetch_near(sum + sum_stride + i);
    prefetch_near(sum + sum_stride + i + run / 2);
    for (index_t k = 0; k < run; ++k) sum[i + k] += static_cast<double>(x[i + k]);
  }
  for (index_t i = whole; i < n; ++i) sum[i] += static_cast<double>(x[i]);
}

}  // namespace gram_steps

/// H <- H + X^T X on and below the diagonal: products in float over at most 1024 rows at a time,
/// their sums in double, so that the rounding error does not grow with the number of tokens.
///
/// Shapes:  X : (tokens, n), H : (n, n); throws openquant::error otherwise
/// Cost:    tokens n^2 flops, and to read and write H once for each 1024 tokens
inline void add_gram(matrix_view<const float> x, matrix_view<double> h) {
  const index_t tokens = x.rows(), n = x.cols();
  if (h.rows() != n || h.cols() != n) {
    fail("add_gram: x is (", tokens, ", ", n, "), h is (", h.rows(), ", ", h.cols(), ")");
  }
  // A tile of H stays near while all chunks are added to it.
  constexpr index_t chunk = 1024, tile = 1024;
  matrix<float> product(std::min(tile, n), std::min(tile, n));
  for (index_t i = 0; i < n; i += tile) {
    const index_t rows = std::min(tile, n - i);
    const auto add_tile = [&](index_t j, index_t cols) {
      const bool diagonal = i == j;
      const auto part = product.view().block(0, 0, rows, cols);
      for (index_t t = 0; t < tokens; t += chunk) {
        const index_t count = std::min(chunk, tokens - t);
        const auto left = x.block(t, i, count, rows);
        if (diagonal)
          rank_update(left, part);
        else
          gemm<op::transpose>(1.0f, left, x.block(t, j, count, cols), 0.0f, part);
        for (index_t k = 0; k < rows; ++k) {
          gram_steps::add(&part(k, 0), part.stride(), diagonal ? k + 1 : cols, &h(i + k, j),
                          h.stride());
        }
      }
    };
    for (index_t j = 0; j < i; j += tile) add_tile(j, tile);
    add_tile(i, rows);
  }
}

}  // namespace openquant::linalg
