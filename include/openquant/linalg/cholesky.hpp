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
#include <openquant/core/executor.hpp>
#include <openquant/linalg/gemm.hpp>

namespace openquant::linalg {

/// What the factorization of a large matrix is made of. With a BLAS each is a call; without one,
/// what is not Eigen's product is written out here.
namespace cholesky_steps {

/// C <- C - X Y^T.
template <class T>
void subtract_product(matrix_view<const T> x, matrix_view<const T> y, matrix_view<T> c) {
#if defined(OPENQUANT_USE_BLAS)
  const auto size = [](index_t n) { return static_cast<int>(n); };
  const auto call = [&](auto f) {
    f(CblasRowMajor, CblasNoTrans, CblasTrans, size(c.rows()), size(c.cols()), size(x.cols()),
      T(-1), x.data(), size(x.stride()), y.data(), size(y.stride()), T(1), c.data(),
      size(c.stride()));
  };
  if constexpr (std::is_same_v<T, double>)
    call(cblas_dgemm);
  else
    call(cblas_sgemm);
#else
  add_product<op::none, op::transpose, T>(T(-1), x, y, c);
#endif
}

#if !defined(OPENQUANT_USE_BLAS)
inline constexpr index_t narrow = 16;

/// Columns up to which recursion goes: half, in whole narrow ones.
constexpr index_t left_half(index_t n) { return (n / 2 + narrow - 1) / narrow * narrow; }
#endif

/// X <- X L^-T.
template <class T>
void solve_rows(matrix_view<const T> l, matrix_view<T> x) {
  const index_t n = l.rows();
#if defined(OPENQUANT_USE_BLAS)
  const auto call = [&](auto f) {
    f(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, static_cast<int>(x.rows()),
      static_cast<int>(n), T(1), l.data(), static_cast<int>(l.stride()), x.data(),
      static_cast<int>(x.stride()));
  };
  if constexpr (std::is_same_v<T, double>)
    call(cblas_dtrsm);
  else
    call(cblas_strsm);
#else
  if (n > narrow) {
    const index_t left = left_half(n), right = n - left;
    const auto x_left = x.block(0, 0, x.rows(), left), x_right = x.block(0, left, x.rows(), right);
    solve_rows<T>(l.block(0, 0, left, left), x_left);
    subtract_product<T>(x_left, l.block(left, 0, right, left), x_right);
    solve_rows<T>(l.block(left, left, right, right), x_right);
    return;
  }
  T upper[narrow][narrow] = {};  // L^T above its diagonal, zero elsewhere: loops of fixed length
  T inverse[narrow] = {};
  for (index_t j = 0; j < n; ++j) {
    inverse[j] = 1 / l(j, j);
    for (index_t i = j + 1; i < n; ++i) upper[j][i] = l(i, j);
  }
  for (index_t i = 0; i < x.rows(); ++i) {
    T row[narrow] = {};
    std::ranges::copy(x.row(i), row);
    for (index_t k = 0; k < n; ++k) {
      const T value = row[k] * inverse[k];
      for (index_t j = 0; j < narrow; ++j) row[j] -= value * upper[k][j];
      row[k] = value;
    }
    std::copy_n(row, n, x.row(i).begin());
  }
#endif
}

/// A <- L of a block, which fits the caches, or the pivot that was not positive.
template <class T>
std::optional<index_t> factor_block(matrix_view<T> a) {
  const index_t n = a.rows();
#if defined(OPENQUANT_USE_BLAS)
  // Row-major lower is column-major upper: A = R^T R with R = L^T.
  const int order = static_cast<int>(n), lda = static_cast<int>(a.stride());
  int info = 0;
  if constexpr (std::is_same_v<T, double>)
    dpotrf_("U", &order, a.data(), &lda, &info);
  else
    spotrf_("U", &order, a.data(), &lda, &info);
  if (info > 0) return info - 1;
#else
  if (n > narrow) {
    const index_t left = left_half(n), right = n - left;
    if (const auto pivot = factor_block(a.block(0, 0, left, left))) return pivot;
    const auto x = a.block(left, 0, right, left);
    solve_rows<T>(a.block(0, 0, left, left), x);
    matrix<T> square(right, right);  // what lies above the diagonal is not ours to write
    subtract_product<T>(x, x, square);
    for (index_t i = 0; i < right; ++i) {
      for (index_t j = 0; j <= i; ++j) a(left + i, left + j) += square(i, j);
    }
    if (const auto pivot = factor_block(a.block(left, left, right, right))) return left + *pivot;
    return std::nullopt;
  }
  for (index_t j = 0; j < n; ++j) {
    for (index_t i = j; i < n; ++i) {
      T sum = a(i, j);
      for (index_t k = 0; k < j; ++k) sum -= a(i, k) * a(j, k);
      if (i > j)
        a(i, j) = sum / a(j, j);
      else if (sum > 0)
        a(j, j) = std::sqrt(sum);
      else
        return j;
    }
  }
#endif
  for (index_t i = 0; i < n; ++i) {
    if (!std::isfinite(a(i, i))) return i;  // a NaN pivot passes LAPACK's test of the sign
  }
  return std::nullopt;
}

}  // namespace cholesky_steps

/// Columns that are factored, and rows that are a task, at a time.
inline constexpr index_t cholesky_tile = 256;

/// A <- L with A = L L^T, in float or double; only the lower triangle is read and written.
/// Returns the pivot that was not positive, or nothing when all were.
///
/// Columns are factored in blocks of cholesky_tile; the rows below and what is subtracted from the
/// rest are the executor's tasks, cut by n alone, so that L does not depend on the executor.
///
/// Cost:    n^3 / 3 flops, one tile of scratch a thread. A template so that a header that only
/// includes it compiles no kernel.
template <class T, Executor X = serial>
[[nodiscard]] std::optional<index_t> cholesky(matrix_view<T> a, X&& executor = {}) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
  constexpr index_t tile = cholesky_tile;
  const index_t n = a.rows();
  for (index_t k = 0; k < n; k += tile) {
    const index_t width = std::min(tile, n - k), next = k + width;
    const auto corner = a.block(k, k, width, width);
    if (const auto pivot = cholesky_steps::factor_block(corner)) return k + *pivot;
    const index_t tiles = (n - next + tile - 1) / tile;
    const auto rows_of = [&](index_t task) {
      const index_t i = next + task * tile;
      return a.block(i, 0, std::min(tile, n - i), n);
    };
    executor.run(tiles, [&](index_t task) {
      const auto rows = rows_of(task);
      cholesky_steps::solve_rows<T>(corner, rows.block(0, k, rows.rows(), width));
    });
    executor.run(tiles, [&](index_t task) {  // the longest first
      const index_t t = tiles - 1 - task, before = t * tile;
      const auto rows = rows_of(t);
      const auto x = rows.block(0, k, rows.rows(), width);
      if (before > 0) {
        cholesky_steps::subtract_product<T>(x, a.block(next, k, before, width),
                                            rows.block(0, next, rows.rows(), before));
      }
      matrix<T> square(rows.rows(), rows.rows());  // on the diagonal, its lower half
      cholesky_steps::subtract_product<T>(x, x, square);
      for (index_t i = 0; i < rows.rows(); ++i) {
        for (index_t j = 0; j <= i; ++j) rows(i, next + before + j) += square(i, j);
      }
    });
  }
  return std::nullopt;
}

}  // namespace openquant::linalg
