// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include <openquant/linalg/cholesky.hpp>

namespace openquant::linalg {

namespace udu_steps {

/// Z <- D^-1 Z for the rows of one block, D the upper-triangular block that they begin with, which
/// becomes the identity: by back substitution.
template <class Real>
void make_unit(matrix_view<Real> z) {
  const index_t block = z.rows(), n = z.cols();
  for (index_t k = block - 1; k >= 0; --k) {
    Real* const row = &z(k, 0);
    const Real inverse = 1 / row[k];
    for (index_t j = block; j < n; ++j) row[j] *= inverse;
    for (index_t i = 0; i < k; ++i) {
      Real* const above = &z(i, 0);
      for (index_t j = block; j < n; ++j) above[j] -= row[j] * above[k];
    }
    for (index_t j = 0; j < block; ++j) row[j] = j == k ? Real(1) : Real(0);
  }
}

/// Of an upper-triangular A, elements (i, j) and (n - 1 - j, n - 1 - i) change places, and what is
/// below the diagonal becomes 0. By pairs of tiles as in `transpose`, a row of which is a task.
template <Executor X>
void turn_over(matrix_view<float> a, X& executor) {
  constexpr index_t tile = 16;
  const index_t n = a.rows();
  // With columns counted from the last this is a transposition.
  const auto at = [&](index_t i, index_t from_last) -> float& { return a(i, n - 1 - from_last); };
  executor.run((n + tile - 1) / tile, [&](index_t task) {
    const index_t i0 = task * tile, rows = std::min(tile, n - i0);
    for (index_t j0 = i0; j0 < n; j0 += tile) {
      const index_t cols = std::min(tile, n - j0);
      float upper[tile][tile], lower[tile][tile];
      for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) upper[j][i] = at(i0 + i, j0 + j);
      }
      for (index_t j = 0; j < cols; ++j) {
        for (index_t i = 0; i < rows; ++i) lower[i][j] = at(j0 + j, i0 + i);
      }
      const auto kept = [&](index_t i, index_t j) { return i0 + i + j0 + j < n; };
      for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) at(i0 + i, j0 + j) = kept(i, j) ? lower[i][j] : 0;
      }
      for (index_t j = 0; j < cols; ++j) {
        for (index_t i = 0; i < rows; ++i) at(j0 + j, i0 + i) = kept(i, j) ? upper[j][i] : 0;
      }
    }
  });
}

}  // namespace udu_steps

/// H + damping I = U D U^T with D block-diagonal and U block-upper-triangular with identity blocks
/// on the diagonal, from ONE Cholesky of the index-reversed matrix. With P the reversal,
///
///   P H P = R^T R,   U = P (blockdiag(R)^-1 R)^T P.
///
/// For block = 1, U has a unit diagonal and D is diagonal: the LDLQ form of GPTQ.
///
/// Shapes:  h : (n, n) symmetric, of which the lower triangle is read, u : (n, n), n a multiple of
///          block
/// Returns: the column whose pivot was not positive, u being undefined then, or nothing when all
///          were
/// Cost:    n^3 / 3 flops in Real; in double n^2 doubles of scratch, in float none: R lies in u
/// Source:  Chee et al., "QuIP", NeurIPS 2023, Sec. 3 (LDLQ); Tseng et al., "QuIP#", ICML 2024,
///          Sec. 4.1 (block LDLQ)
template <class T, class Real = double, Executor X = serial>
[[nodiscard]] std::optional<index_t> factor_udu(matrix_view<const T> h, double damping,
                                                index_t block, matrix_view<float> u,
                                                X&& executor = {}) {
  const index_t n = h.rows();
  constexpr bool in_place = std::is_same_v<Real, float>;
  matrix<Real> scratch = in_place ? matrix<Real>{} : matrix<Real>(n, n);
  matrix_view<Real> r = scratch;
  if constexpr (in_place) r = u;
  executor.run(n, [&](index_t i) {
    const T* from = h.row(n - 1 - i).data() + (n - 1);
    r(i, i) = static_cast<Real>(static_cast<double>(from[-i]) + damping);
    for (index_t j = i + 1; j < n; ++j) r(i, j) = static_cast<Real>(from[-j]);
  });
  if (const auto pivot = cholesky(r, executor)) return n - 1 - *pivot;

  executor.run(n / block, [&](index_t b) {
    const auto rows = r.block(b * block, b * block, block, n - b * block);
    udu_steps::make_unit(rows);
    if constexpr (!in_place) {
      for (index_t i = 0; i < block; ++i) {
        std::ranges::transform(rows.row(i), &u(b * block + i, b * block),
                               [](Real x) { return static_cast<float>(x); });
      }
    }
  });
  udu_steps::turn_over(u, executor);
  return std::nullopt;
}

}  // namespace openquant::linalg
