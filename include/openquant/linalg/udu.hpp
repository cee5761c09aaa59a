// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include <openquant/linalg/cholesky.hpp>

namespace openquant::linalg {

namespace udu_steps {

/// The rows of U = R blockdiag(R)^-1, one after the other; R may lie where U is wanted.
template <class Real>
class unit_rows {
 public:
  /// R is given as L, R(i, j) = L(n - 1 - i, n - 1 - j), of which the blocks on the diagonal are
  /// kept, with the inverse of the diagonal itself.
  unit_rows(matrix_view<const Real> l, index_t block) : block_(block), diagonal_(l.rows(), block) {
    const index_t n = l.rows();
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = i; j < end_of_block(i); ++j) {
        diagonal_(i, j % block) = l(n - 1 - i, n - 1 - j);
      }
      diagonal_(i, i % block) = 1 / diagonal_(i, i % block);
    }
  }

  /// Row i by back substitution, block by block.
  void operator()(index_t i, std::span<const Real> r, std::span<float> u) const {
    const auto n = static_cast<index_t>(r.size()), own = end_of_block(i);
    if (block_ == 1) {
      const Real* inverse = diagonal_.data();
      for (index_t j = own; j < n; ++j) at(u, j) = static_cast<float>(at(r, j) * inverse[j]);
    } else {
      std::vector<Real> x(static_cast<std::size_t>(block_));
      for (index_t b = own; b < n; b += block_) solve(r, u, b, x);
    }
    std::fill_n(u.begin(), own, 0.0f);
    at(u, i) = 1;
  }

 private:
  index_t end_of_block(index_t i) const { return i / block_ * block_ + block_; }
  template <class T>
  static T& at(std::span<T> row, index_t j) {
    return row[static_cast<std::size_t>(j)];
  }
  /// The columns of the block at b.
  void solve(std::span<const Real> r, std::span<float> u, index_t b, std::span<Real> x) const {
    for (index_t k = 0; k < block_; ++k) at(x, k) = at(r, b + k);
    for (index_t k = 0; k < block_; ++k) {
      const Real* row = diagonal_.row(b + k).data();
      const Real value = at(x, k) *= row[k];
      for (index_t j = k + 1; j < block_; ++j) at(x, j) -= value * row[j];
      at(u, b + k) = static_cast<float>(value);
    }
  }

  index_t block_;
  matrix<Real> diagonal_;
};

}  // namespace udu_steps

/// H + damping I = U D U^T with D block-diagonal and U block-upper-triangular with identity blocks
/// on the diagonal, from ONE Cholesky of the index-reversed matrix. With P the reversal,
///
///   P H P = L L^T,   H = R R^T for R = P L P upper-triangular,   U = R blockdiag(R)^-1.
///
/// For block = 1, U has a unit diagonal and D is diagonal: the LDLQ form of GPTQ.
///
/// Shapes:  h : (n, n) symmetric, u : (n, n), n a multiple of block
/// Returns: the column whose pivot was not positive, u being undefined then, or nothing when all
///          were
/// Cost:    n^3 / 3 flops in Real; in double n^2 doubles of scratch, in float none: L lies in u
/// Source:  Chee et al., "QuIP", NeurIPS 2023, Sec. 3 (LDLQ); Tseng et al., "QuIP#", ICML 2024,
///          Sec. 4.1 (block LDLQ)
template <class T, class Real = double, Executor X = serial>
[[nodiscard]] std::optional<index_t> factor_udu(matrix_view<const T> h, double damping,
                                                index_t block, matrix_view<float> u,
                                                X&& executor = {}) {
  const index_t n = h.rows();
  constexpr bool in_place = std::is_same_v<Real, float>;
  matrix<Real> scratch = in_place ? matrix<Real>{} : matrix<Real>(n, n);
  matrix_view<Real> l = scratch;
  if constexpr (in_place) l = u;
  executor.run(n, [&](index_t i) {
    const T* from = h.row(n - 1 - i).data() + (n - 1);
    for (index_t j = 0; j <= i; ++j) l(i, j) = static_cast<Real>(from[-j]);
    l(i, i) = static_cast<Real>(static_cast<double>(from[-i]) + damping);
  });
  if (const auto pivot = cholesky(l, executor)) return n - 1 - *pivot;

  const udu_steps::unit_rows<Real> unit(l, block);
  executor.run((n + 1) / 2, [&](index_t i) {  // rows i and k of L are rows k and i of R
    const index_t k = n - 1 - i;
    const auto upper = l.row(i), lower = l.row(k);
    if (i < k)
      std::swap_ranges(upper.begin(), upper.end(), lower.rbegin());
    else
      std::ranges::reverse(upper);
    unit(i, upper, u.row(i));
    if (i < k) unit(k, lower, u.row(k));
  });
  return std::nullopt;
}

}  // namespace openquant::linalg
