// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <vector>

#include <openquant/linalg/cholesky.hpp>

namespace openquant::linalg {

/// H + damping I = U D U^T with D block-diagonal and U block-upper-triangular with identity blocks
/// on the diagonal, from ONE Cholesky of the index-reversed matrix. With P the reversal,
///
///   P H P = L L^T,   H = R R^T for R = P L P upper-triangular,   U = R blockdiag(R)^-1.
///
/// For block = 1, U has a unit diagonal and D is diagonal: the LDLQ form of GPTQ.
///
/// Shapes:  h : (n, n) symmetric, u : (n, n), n a multiple of block
/// Returns: the column whose pivot was not positive, or nothing when all were
/// Cost:    n^3 / 3 flops in double, n^2 doubles of scratch
/// Source:  Chee et al., "QuIP", NeurIPS 2023, Sec. 3 (LDLQ); Tseng et al., "QuIP#", ICML 2024,
///          Sec. 4.1 (block LDLQ)
[[nodiscard]] inline std::optional<index_t> factor_udu(matrix_view<const double> h, double damping,
                                                       index_t block, matrix_view<float> u) {
  const index_t n = h.rows();
  matrix<double> r(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j <= i; ++j) r(i, j) = h(n - 1 - i, n - 1 - j);
    r(i, i) += damping;
  }
  if (const auto pivot = cholesky(r.view())) return n - 1 - *pivot;

  // Column block b of R, times the inverse of its own diagonal block (back substitution by rows).
  std::vector<double> row(static_cast<std::size_t>(block));
  for (index_t i = 0; i < n; ++i) {
    for (index_t b = 0; b < n; b += block) {
      const bool on_diagonal = b <= i && i < b + block;
      for (index_t k = 0; k < block; ++k) {
        const index_t j = b + k;
        if (on_diagonal || j < i) {
          u(i, j) = i == j ? 1.0f : 0.0f;
          continue;
        }
        double sum = r(n - 1 - i, n - 1 - j);
        for (index_t l = 0; l < k; ++l) {
          sum -= row[static_cast<std::size_t>(l)] * r(n - 1 - (b + l), n - 1 - j);
        }
        row[static_cast<std::size_t>(k)] = sum / r(n - 1 - j, n - 1 - j);
        u(i, j) = static_cast<float>(row[static_cast<std::size_t>(k)]);
      }
    }
  }
  return std::nullopt;
}

}  // namespace openquant::linalg
