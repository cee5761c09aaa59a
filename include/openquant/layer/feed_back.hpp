// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>

/// Error feedback inside a block of columns, for a strip of rows that lie side by side.
namespace openquant {

/// target_l += sum_i u(i, l) error_i, errors in their order. Eight errors stay in registers while
/// the targets pass by.
///
/// Shapes:  error : (count, rows), u : (count, cols), target : (cols, rows); rows a multiple of T's
///          lanes
template <class T>
OPENQUANT_HD void feed_back(matrix_view<const float> error, matrix_view<const float> u,
                            matrix_view<float> target) {
  const auto errors_from = [&]<index_t count>(index_t i) {
    for (index_t s = 0; s < target.cols(); s += lane_count<T>) {
      T e[count];
      OPENQUANT_UNROLL_REGISTERS
      for (index_t k = 0; k < count; ++k) e[k] = load<T>(&error(i + k, s));
      for (index_t l = 0; l < target.rows(); ++l) {
        const float* factor = &u(i, l);
        float* t = &target(l, s);
        T sum = load<T>(t);
        OPENQUANT_UNROLL_REGISTERS
        for (index_t k = 0; k < count; ++k) sum = mul_add(T(factor[k * u.stride()]), e[k], sum);
        store(sum, t);
      }
    }
  };
  if (target.rows() == 0) return;
  index_t i = 0;
  for (; i + 8 <= error.rows(); i += 8) errors_from.template operator()<8>(i);
  for (; i < error.rows(); ++i) errors_from.template operator()<1>(i);
}

/// Columns one block of d after the other: code(k) sets the errors of the d targets at row k, whose
/// feedback is complete by then,
///
///   target_l <- target_l + sum_{i<l} error_i u(i, l).
///
/// An empty u feeds nothing back.
///
/// Shapes:  target : (cols, rows), error : (cols, rows), u : (cols, cols); cols a multiple of d
/// Cost:    cols^2 flops a row
template <class T, index_t d, class Code>
OPENQUANT_HD void code_in_order(matrix_view<const float> u, matrix_view<float> target,
                                matrix_view<const float> error, const Code& code) {
  constexpr index_t span = std::max(d, 8 / d * d);  // columns whose errors wait for one another
  const index_t cols = target.rows(), rows = target.cols();
  // The errors of `count` columns from i on go to the columns from j to `end`.
  const auto feed = [&](index_t i, index_t count, index_t j, index_t end) {
    if (u.empty()) return;
    feed_back<T>(error.block(i, 0, count, rows), u.block(i, j, count, end - j),
                 target.block(j, 0, end - j, rows));
  };
  for (index_t first = 0; first < cols; first += span) {
    const index_t end = std::min(first + span, cols);
    for (index_t k = first; k < end; k += d) {
      code(k);
      feed(k, d, k + d, end);
    }
    feed(first, end - first, end, cols);
  }
}

}  // namespace openquant
