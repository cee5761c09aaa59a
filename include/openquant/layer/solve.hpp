// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <limits>

#include <openquant/core/executor.hpp>
#include <openquant/layer/panel.hpp>
#include <openquant/layer/quantized.hpp>

namespace openquant {

/// W in the basis of the codes, over a power of two that brings the largest weight into [128, 256):
/// scales then use fp16's whole range, and weights of any magnitude give the same codes.
struct solver_weights {
  matrix<float> w;  ///< (m, n)
  float unit = 1;

  /// Throws openquant::error naming row and column where a weight is not finite.
  template <Rotation R, Executor X>
  solver_weights(matrix_view<const float> original, const basis<R>& basis, X& executor)
      : w(original) {
    for (index_t i = 0; i < w.rows(); ++i) {
      for (index_t j = 0; j < w.cols(); ++j) {
        if (!std::isfinite(w(i, j))) fail("weights: w(", i, ", ", j, ") = ", w(i, j));
      }
    }
    executor.run(w.rows(), [&](index_t i) { basis.weight_to(w.row(i)); });
    float largest = 0;
    for (index_t i = 0; i < w.rows(); ++i) {
      for (const float x : w.row(i)) largest = std::max(largest, std::fabs(x));
    }
    if (!std::isfinite(largest)) fail("weights: the transformed weights overflow binary32");
    if (largest > 0) unit = std::ldexp(1.0f, std::max(std::ilogb(largest) - 7, -126));
    const float inverse = 1.0f / unit;
    executor.run(w.rows(), [&](index_t i) {
      for (float& x : w.row(i)) x *= inverse;
    });
  }
};

/// Squared errors, weighted by H, relative to the weights' own squared norm.
struct solver_errors {
  double with_feedback, round_to_nearest;
};

/// Codes every panel of the problem into `out`. h is the Hessian in coding order, (n, n),
/// or empty for the identity. The outcome does not depend on the executor.
template <class Arch, Quantizer Q, Executor X>
solver_errors solve(const Q& q, const panel_problem& problem, matrix_view<const float> h,
                    packed_codes& out, X& executor) {
  struct norms {
    double weights = 0, error = 0, round_to_nearest = 0;
  };
  const auto squared_norm = [&](matrix_view<const float> e) {  // (n, panel_rows)
    return linalg::weighted_squared_norm<linalg::op::transpose>(e, h);
  };
  using panel_t = panel<Arch, Q>;
  std::vector<norms> parts(static_cast<std::size_t>(panel_t::count(problem.w.rows())));
  executor.run(static_cast<index_t>(parts.size()), [&](index_t i) {
    norms& part = parts[static_cast<std::size_t>(i)];
    panel_t coded(q, problem, i);
    coded.quantize(&out);
    part.weights = squared_norm(coded.weights());
    part.error = part.round_to_nearest = squared_norm(coded.error());
    if (problem.u.empty()) return;
    panel_problem rounding = problem;
    rounding.u = {};
    panel_t rounded(q, rounding, i);
    rounded.quantize(nullptr);
    part.round_to_nearest = squared_norm(rounded.error());
  });
  norms sum;
  for (const norms& part : parts) {
    sum.weights += part.weights;
    sum.error += part.error;
    sum.round_to_nearest += part.round_to_nearest;
  }
  const auto relative = [&](double x) {  // as metric::relative_error
    if (sum.weights <= 0) return x <= 0 ? 0.0 : std::numeric_limits<double>::infinity();
    return std::max(0.0, x) / sum.weights;
  };
  return {relative(sum.error), relative(sum.round_to_nearest)};
}

}  // namespace openquant
