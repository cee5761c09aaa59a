// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "normal_matrix.hpp"

namespace openquant::test {

/// Feedback that belongs to no Hessian, (n, n): panels take any. Identity blocks of order d on the
/// diagonal.
inline matrix<float> random_feedback(index_t n, index_t d) {
  matrix<float> u = normal_matrix(n, n, 6);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      if (j / d > i / d)
        u(i, j) *= 0.05f;
      else
        u(i, j) = i == j ? 1.0f : 0.0f;
    }
  }
  return u;
}

}  // namespace openquant::test
