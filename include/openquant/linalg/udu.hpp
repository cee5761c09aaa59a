// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
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
template <class T>
[[nodiscard]] std::optional<index_t> factor_udu(matrix_view<const T> h, double damping,
                                                index_t block, matrix_view<float> u) {
  const index_t n = h.rows();
  matrix<double> l(n, n);
  for (index_t i = 0; i < n; ++i) {
    const T* from = h.row(n - 1 - i).data() + (n - 1);
    for (index_t j = 0; j <= i; ++j) l(i, j) = static_cast<double>(from[-j]);
    l(i, i) += damping;
  }
  if (const auto pivot = cholesky(l.view())) return n - 1 - *pivot;

  // R(i, j) = L(n - 1 - i, n - 1 - j). Its blocks on the diagonal, row i of the block at row i,
  // with the inverse of the diagonal itself.
  const auto r_row = [&](index_t i) { return l.row(n - 1 - i).data() + (n - 1); };
  matrix<double> diagonal(n, block);
  for (index_t i = 0; i < n; ++i) {
    const double* r = r_row(i);
    for (index_t j = i; j < i / block * block + block; ++j) diagonal(i, j % block) = r[-j];
    diagonal(i, i % block) = 1 / diagonal(i, i % block);
  }
  // Each row of R times blockdiag(R)^-1: back substitution.
  std::vector<double> x(static_cast<std::size_t>(block));
  for (index_t i = 0; i < n; ++i) {
    const double* r = r_row(i);
    const index_t own = i / block * block + block;  // where the block on the diagonal ends
    std::ranges::fill(u.row(i), 0.0f);
    u(i, i) = 1;
    if (block == 1) {
      for (index_t j = own; j < n; ++j) u(i, j) = static_cast<float>(r[-j] * diagonal(j, 0));
      continue;
    }
    for (index_t b = own; b < n; b += block) {
      for (index_t k = 0; k < block; ++k) x[static_cast<std::size_t>(k)] = r[-(b + k)];
      for (index_t k = 0; k < block; ++k) {
        const double* row = diagonal.row(b + k).data();
        const double value = x[static_cast<std::size_t>(k)] *= row[k];
        for (index_t j = k + 1; j < block; ++j) x[static_cast<std::size_t>(j)] -= value * row[j];
        u(i, b + k) = static_cast<float>(value);
      }
    }
  }
  return std::nullopt;
}

}  // namespace openquant::linalg
