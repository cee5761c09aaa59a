// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <doctest/doctest.h>

#include <openquant/layer/gptq.hpp>
#include <openquant/layer/round_to_nearest.hpp>

#include "layer/random_layer.hpp"

/// What every composition of quantizer, rotation and equalizer owes under the second-order solver.
namespace openquant::laws {

/// Rounding with the same models and groups.
template <class Q, class R, class E>
round_to_nearest<Q, R, E> without_feedback(const gptq<Q, R, E>& method) {
  return {method.quantizer, method.rotation, method.equalizer, {method.options.group_size}};
}

/// The report's error is that of the decoded matrix under the original Hessian, in double.
template <class Quantized>
void check_reported_error(const Quantized& q, const matrix<float>& w, const hessian& h) {
  const double expected = test::weighted_error(w, q.dequantize(), h);
  CHECK(std::fabs(q.report().relative_error - expected) <= 1e-4 * expected);
}

/// An identity Hessian couples nothing: the same bits as rounding, scales included. (R = identity;
/// a rotated identity is one only up to rounding.)
template <class Method>
void check_identity_hessian(const Method& method, index_t m, index_t n, std::uint64_t seed) {
  const matrix<float> w = test::normal_matrix(m, n, seed);
  const hessian h = test::scaled_identity(n);
  const auto coded = method.quantize(w, h), rounded = without_feedback(method).quantize(w, h);
  CHECK(coded == rounded);
  CHECK(coded.report().relative_error == coded.report().round_to_nearest_error);
}

/// An executor that runs the last task first.
struct backwards {
  template <class Task>
  void run(index_t n, Task&& task) const {
    for (index_t i = n; i-- > 0;) task(i);
  }
};

/// Whoever runs the tasks, and in whatever order, the bits and the report are the same.
template <class Method>
void check_executors(const Method& method, const matrix<float>& w, const hessian& h) {
  const auto expected = method.quantize(w, h);
  const auto same = [&](const auto& q) { return q == expected && q.report() == expected.report(); };
  CHECK(same(method.quantize(w, h, serial{})));
  CHECK(same(method.quantize(w, h, backwards{})));
  for (index_t n = 1; n <= 4; ++n) CHECK(same(method.quantize(w, h, threads{n})));
}

/// Instruction sets differ in whether feedback is fused, so in the last bits of targets: single
/// codes may differ, the error hardly.
template <class Method>
void check_instruction_sets(const Method& method, const matrix<float>& w, const hessian& h) {
  const auto narrow = method.template quantize<baseline_arch>(w, h).report();
  const auto wide = method.template quantize<default_arch>(w, h).report();
  CHECK(std::fabs(narrow.relative_error - wide.relative_error) <= 1e-3 * wide.relative_error);
}

/// Feedback lowers the H-weighted error, or the report says that it did not; both of its errors are
/// true. Returns whether it did.
template <class Method>
bool check_against_rounding(const Method& method, const matrix<float>& w, const hessian& h) {
  const auto coded = method.quantize(w, h), rounded = without_feedback(method).quantize(w, h);
  check_reported_error(coded, w, h);
  check_reported_error(rounded, w, h);
  const double rounding = rounded.report().relative_error;
  CHECK(std::fabs(coded.report().round_to_nearest_error - rounding) <= 1e-4 * rounding);
  const bool better = test::weighted_error(w, coded.dequantize(), h) <=
                      test::weighted_error(w, rounded.dequantize(), h);
  CHECK(coded.report().beats_round_to_nearest() == better);
  return better;
}

}  // namespace openquant::laws
