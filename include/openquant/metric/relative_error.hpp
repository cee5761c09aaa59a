// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

#include <openquant/linalg/weighted_norm.hpp>

namespace openquant::metric {

/// tr((W - What) H (W - What)^T) / tr(W H W^T): the squared error of the layer's output relative to
/// the output itself, over the inputs whose second moments H holds.
///
/// Shapes:  w, w_hat : (m, n), h : (n, n) symmetric, positive semidefinite
/// Returns: 0 for an exact What; where tr(W H W^T) is 0, or below it by rounding, 0 if the
///          numerator is too and +infinity otherwise
/// Throws:  openquant::error for other shapes, and where a trace is not finite
/// Cost:    4 m n^2 flops, 2 m n floats of scratch
inline double relative_error(matrix_view<const float> w, matrix_view<const float> w_hat,
                             matrix_view<const float> h) {
  const index_t m = w.rows(), n = w.cols();
  if (w_hat.rows() != m || w_hat.cols() != n || h.rows() != n || h.cols() != n) {
    fail("relative_error: w is (", m, ", ", n, "), w_hat is (", w_hat.rows(), ", ", w_hat.cols(),
         "), h is (", h.rows(), ", ", h.cols(), ")");
  }
  matrix<float> e(w);
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < n; ++j) e(i, j) -= w_hat(i, j);
  }
  const double error = linalg::weighted_squared_norm(e, h);
  const double whole = linalg::weighted_squared_norm(w, h);
  if (!std::isfinite(error) || !std::isfinite(whole)) {
    fail("relative_error: tr(E H E^T) is ", error, ", tr(W H W^T) is ", whole);
  }
  if (whole <= 0) return error <= 0 ? 0 : std::numeric_limits<double>::infinity();
  return std::max(0.0, error) / whole;
}

/// With an openquant::hessian, or whatever else gives the mean over tokens as a matrix.
template <class H>
requires requires(const H h) {
  { h.mean() } -> std::convertible_to<matrix_view<const float>>;
}
double relative_error(matrix_view<const float> w, matrix_view<const float> w_hat, const H& h) {
  return relative_error(w, w_hat, h.mean());
}

}  // namespace openquant::metric
