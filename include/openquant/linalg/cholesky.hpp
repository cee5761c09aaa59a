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
#include <openquant/linalg/subtract_product.hpp>

namespace openquant::linalg {

/// What the factorization of a large matrix is made of. With a BLAS each is a call; without one,
/// what is not Eigen's product is written out here.
namespace cholesky_steps {

/// C <- C - X^T X on and above the diagonal of a square C: nothing else is written.
template <class T>
void subtract_square(matrix_view<const T> x, matrix_view<T> c) {
  matrix<T> square(c.rows(), c.rows());
  subtract_product<T>(x, x, square);
  for (index_t i = 0; i < c.rows(); ++i) {
    for (index_t j = i; j < c.rows(); ++j) c(i, j) += square(i, j);
  }
}

#if !defined(OPENQUANT_USE_BLAS)
inline constexpr index_t narrow = 16;

/// Rows up to which recursion goes: half, in whole narrow ones.
constexpr index_t upper_half(index_t n) { return (n / 2 + narrow - 1) / narrow * narrow; }
#endif

/// X <- R^-T X.
template <class T>
void solve_columns(matrix_view<const T> r, matrix_view<T> x) {
  const index_t n = r.rows();
#if defined(OPENQUANT_USE_BLAS)
  const auto call = [&](auto f) {
    f(CblasRowMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, static_cast<int>(n),
      static_cast<int>(x.cols()), T(1), r.data(), static_cast<int>(r.stride()), x.data(),
      static_cast<int>(x.stride()));
  };
  if constexpr (std::is_same_v<T, double>)
    call(cblas_dtrsm);
  else
    call(cblas_strsm);
#else
  if (n > narrow) {
    const index_t upper = upper_half(n), lower = n - upper;
    const auto x_upper = x.block(0, 0, upper, x.cols()),
               x_lower = x.block(upper, 0, lower, x.cols());
    solve_columns<T>(r.block(0, 0, upper, upper), x_upper);
    subtract_product<T>(r.block(0, upper, upper, lower), x_upper, x_lower);
    solve_columns<T>(r.block(upper, upper, lower, lower), x_lower);
    return;
  }
  T inverse[narrow] = {};
  for (index_t k = 0; k < n; ++k) inverse[k] = 1 / r(k, k);
  for (index_t j = 0; j < x.cols(); j += narrow) {  // in loops of fixed length
    const index_t width = std::min(narrow, x.cols() - j);
    T strip[narrow][narrow] = {};
    for (index_t k = 0; k < n; ++k) std::copy_n(&x(k, j), width, strip[k]);
    for (index_t k = 0; k < n; ++k) {
      for (index_t c = 0; c < narrow; ++c) strip[k][c] *= inverse[k];
      for (index_t i = k + 1; i < n; ++i) {
        for (index_t c = 0; c < narrow; ++c) strip[i][c] -= r(k, i) * strip[k][c];
      }
    }
    for (index_t k = 0; k < n; ++k) std::copy_n(strip[k], width, &x(k, j));
  }
#endif
}

/// A <- R of a block, which fits the caches, or the pivot that was not positive.
template <class T>
std::optional<index_t> factor_block(matrix_view<T> a) {
  const index_t n = a.rows();
#if defined(OPENQUANT_USE_BLAS)
  // Row-major upper is column-major lower: A = L L^T with L = R^T.
  const int order = static_cast<int>(n), lda = static_cast<int>(a.stride());
  int info = 0;
  if constexpr (std::is_same_v<T, double>)
    dpotrf_("L", &order, a.data(), &lda, &info);
  else
    spotrf_("L", &order, a.data(), &lda, &info);
  if (info > 0) return info - 1;
#else
  if (n > narrow) {
    const index_t upper = upper_half(n), lower = n - upper;
    const auto corner = a.block(0, 0, upper, upper), rest = a.block(upper, upper, lower, lower);
    const auto x = a.block(0, upper, upper, lower);
    if (const auto pivot = factor_block(corner)) return pivot;
    solve_columns<T>(corner, x);
    subtract_square<T>(x, rest);
    if (const auto pivot = factor_block(rest)) return upper + *pivot;
    return std::nullopt;
  }
  for (index_t k = 0; k < n; ++k) {
    if (!(a(k, k) > 0)) return k;
    const T root = a(k, k) = std::sqrt(a(k, k));
    for (index_t j = k + 1; j < n; ++j) a(k, j) /= root;
    for (index_t i = k + 1; i < n; ++i) {
      for (index_t j = i; j < n; ++j) a(i, j) -= a(k, i) * a(k, j);
    }
  }
#endif
  for (index_t k = 0; k < n; ++k) {
    if (!std::isfinite(a(k, k))) return k;  // a NaN pivot passes LAPACK's test of the sign
  }
  return std::nullopt;
}

}  // namespace cholesky_steps

/// Rows that are factored, and columns that are a task, at a time.
inline constexpr index_t cholesky_tile = 256;

/// A <- R with A = R^T R, in float or double; only the upper triangle is read and written.
/// Returns the pivot that was not positive, or nothing when all were.
///
/// Rows are factored in blocks of cholesky_tile; the columns right of a block and what is
/// subtracted from the rest are the executor's tasks, cut by n alone, so that R does not depend on
/// the executor.
///
/// Cost:    n^3 / 3 flops, one tile of scratch a thread. A template so that a header that only
/// includes it compiles no kernel.
template <class T, Executor X = serial>
[[nodiscard]] std::optional<index_t> cholesky(matrix_view<T> a, X&& executor = {}) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
  constexpr index_t tile = cholesky_tile;
  const index_t n = a.rows();
  for (index_t k = 0; k < n; k += tile) {
    const index_t height = std::min(tile, n - k), next = k + height;
    const auto corner = a.block(k, k, height, height);
    if (const auto pivot = cholesky_steps::factor_block(corner)) return k + *pivot;
    const index_t tiles = (n - next + tile - 1) / tile;
    const auto right = [&](index_t task) {  // of the corner
      const index_t j = next + task * tile;
      return a.block(k, j, height, std::min(tile, n - j));
    };
    executor.run(tiles,
                 [&](index_t task) { cholesky_steps::solve_columns<T>(corner, right(task)); });
    executor.run(tiles, [&](index_t task) {  // the longest first
      const index_t t = tiles - 1 - task, above = t * tile, j = next + above;
      const auto x = right(t);
      if (above > 0) {
        subtract_product<T>(a.block(k, next, height, above), x, a.block(next, j, above, x.cols()));
      }
      cholesky_steps::subtract_square<T>(x, a.block(j, j, x.cols(), x.cols()));
    });
  }
  return std::nullopt;
}

}  // namespace openquant::linalg
