// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>

#if defined(OPENQUANT_USE_BLAS)
extern "C" void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
extern "C" void spotrf_(const char* uplo, const int* n, float* a, const int* lda, int* info);
#endif
#include <openquant/linalg/gemm.hpp>

namespace openquant::linalg {

#if !defined(OPENQUANT_USE_BLAS)
namespace cholesky_steps {

/// C <- C - X Y^T in the square C, on and below the diagonal.
template <class T>
void subtract_lower(matrix_view<const T> x, matrix_view<const T> y, matrix_view<T> c) {
  constexpr index_t tile = 128;
  const index_t n = c.rows();
  matrix<T> corner(std::min(tile, n), std::min(tile, n));
  for (index_t i = 0; i < n; i += tile) {
    const index_t rows = std::min(tile, n - i);
    const auto x_rows = x.block(i, 0, rows, x.cols());
    if (i > 0) {
      add_product<op::none, op::transpose, T>(T(-1), x_rows, y.block(0, 0, i, y.cols()),
                                              c.block(i, 0, rows, i));
    }
    const auto diagonal = corner.view().block(0, 0, rows, rows);
    for (index_t k = 0; k < rows; ++k) std::ranges::fill(diagonal.row(k), T(0));
    add_product<op::none, op::transpose, T>(T(-1), x_rows, y.block(i, 0, rows, y.cols()), diagonal);
    for (index_t k = 0; k < rows; ++k) {
      for (index_t l = 0; l <= k; ++l) c(i + k, i + l) += diagonal(k, l);
    }
  }
}

inline constexpr index_t narrow = 16;

/// The first at most 16 columns of A, all rows: L of the block on the diagonal, then the rows below
/// times its inverse transpose.
template <class T>
std::optional<index_t> narrow_columns(matrix_view<T> a) {
  const index_t width = a.cols();
  T upper[narrow][narrow] =
      {};  // L^T above its diagonal; zero elsewhere, for loops of fixed length
  T inverse[narrow] = {};
  for (index_t j = 0; j < width; ++j) {
    for (index_t i = j; i < width; ++i) {
      T sum = a(i, j);
      for (index_t k = 0; k < j; ++k) sum -= a(i, k) * a(j, k);
      if (i == j) {
        if (!(sum > 0)) return j;
        a(j, j) = std::sqrt(sum);
        inverse[j] = 1 / a(j, j);
      } else {
        a(i, j) = upper[j][i] = sum * inverse[j];
      }
    }
  }
  for (index_t i = width; i < a.rows(); ++i) {
    T row[narrow] = {};
    std::ranges::copy(a.row(i), row);
    for (index_t k = 0; k < width; ++k) {
      const T value = row[k] * inverse[k];
      for (index_t j = 0; j < narrow; ++j) row[j] -= value * upper[k][j];
      row[k] = value;
    }
    std::copy_n(row, width, a.row(i).begin());
  }
  return std::nullopt;
}

/// The first columns of L, in a window of A whose upper left corner lies on the diagonal, where
/// what lies to the left has been subtracted: the left half, its product off the right half, that
/// half.
template <class T>
std::optional<index_t> columns(matrix_view<T> a) {
  const index_t n = a.rows(), width = a.cols();
  if (width <= narrow) return narrow_columns(a);
  const index_t left = (width / 2 + narrow - 1) / narrow * narrow, right = width - left;
  if (const auto pivot = columns(a.block(0, 0, n, left))) return pivot;
  const matrix_view<const T> y = a.block(left, 0, right, left);
  subtract_lower<T>(y, y, a.block(left, left, right, right));
  if (width < n) {
    add_product<op::none, op::transpose, T>(T(-1), a.block(width, 0, n - width, left), y,
                                            a.block(width, left, n - width, right));
  }
  if (const auto pivot = columns(a.block(left, left, n - left, right))) return left + *pivot;
  return std::nullopt;
}

}  // namespace cholesky_steps
#endif

/// A <- L with A = L L^T, in float or double; only the lower triangle is read and written.
/// Returns the pivot that was not positive, or nothing when all were.
///
/// Cost:    n^3 / 3 flops. On Eigen they are its product kernel's, called by the recursion above;
///          Eigen's own LLT takes longer to run and a second more to compile. A template so that
///          a header that only includes it compiles no kernel.
template <class T>
[[nodiscard]] std::optional<index_t> cholesky(matrix_view<T> a) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
#if defined(OPENQUANT_USE_BLAS)
  // Row-major lower is column-major upper: A = R^T R with R = L^T.
  const int n = static_cast<int>(a.rows()), lda = static_cast<int>(a.stride());
  int info = 0;
  if (n > 0) {
    if constexpr (std::is_same_v<T, double>)
      dpotrf_("U", &n, a.data(), &lda, &info);
    else
      spotrf_("U", &n, a.data(), &lda, &info);
  }
  if (info > 0) return info - 1;
#else
  if (const auto pivot = cholesky_steps::columns(a)) return pivot;
#endif
  for (index_t i = 0; i < a.rows(); ++i) {
    if (!std::isfinite(a(i, i))) return i;  // a NaN pivot passes the sign test
  }
  return std::nullopt;
}

}  // namespace openquant::linalg
