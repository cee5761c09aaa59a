// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/layer/hessian.hpp>

#include "normal_matrix.hpp"

/// Seeded layers for the tests of this folder, and their moments and errors in double.
namespace openquant::test {

/// Inputs (tokens, n) whose neighbours have correlation rho, and whose channels differ in size by
/// up to a factor of 4.
inline matrix<float> random_inputs(index_t tokens, index_t n, double rho, std::uint64_t seed) {
  matrix<float> x(tokens, n);
  for (index_t t = 0; t < tokens; ++t) {
    double state = 0;
    for (index_t j = 0; j < n; ++j) {
      const auto i = static_cast<std::uint64_t>(t * n + j);
      const auto fresh = static_cast<double>(random::normal(seed, i));
      state = j == 0 ? fresh : rho * state + std::sqrt(1 - rho * rho) * fresh;
      const double size = std::exp2(2 * random::uniform(seed + 1, static_cast<std::uint64_t>(j)));
      x(t, j) = static_cast<float>(size * state);
    }
  }
  return x;
}

inline hessian moments(const matrix<float>& x) {
  hessian h(x.cols());
  h.add(x);
  return h;
}

inline hessian random_hessian(index_t tokens, index_t n, double rho, std::uint64_t seed) {
  return moments(random_inputs(tokens, n, rho, seed));
}

/// A Hessian that is exactly a power of two times the identity: n tokens with one 1 each, and zero
/// tokens up to a power of two.
inline hessian scaled_identity(index_t n) {
  index_t tokens = 1;
  while (tokens < n) tokens *= 2;
  matrix<float> x(tokens, n);
  for (index_t j = 0; j < n; ++j) x(j, j) = 1;
  return moments(x);
}

/// tr(E H E^T) in double.
inline double weighted_trace(const matrix<float>& e, const hessian& h) {
  const index_t n = e.cols();
  std::vector<double> full(static_cast<std::size_t>(n * n));
  for (index_t j = 0; j < n; ++j) {
    for (index_t k = 0; k < n; ++k) full[static_cast<std::size_t>(j * n + k)] = h(j, k);
  }
  double sum = 0;
  for (index_t i = 0; i < e.rows(); ++i) {
    const float* row = e.row(i).data();
    for (index_t j = 0; j < n; ++j) {
      const double* h_row = full.data() + j * n;
      double dot = 0;
      for (index_t k = 0; k < n; ++k) dot += h_row[k] * static_cast<double>(row[k]);
      sum += static_cast<double>(row[j]) * dot;
    }
  }
  return sum;
}

/// tr((W - W^) H (W - W^)^T) / tr(W H W^T) in double.
inline double weighted_error(const matrix<float>& w, const matrix<float>& w_hat, const hessian& h) {
  matrix<float> e(w.view());
  for (index_t i = 0; i < w.rows() * w.cols(); ++i) e.data()[i] -= w_hat.data()[i];
  return weighted_trace(e, h) / weighted_trace(w, h);
}

}  // namespace openquant::test
