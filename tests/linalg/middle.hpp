// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/matrix.hpp>

namespace openquant::test {

/// D = U^-1 (H + damping I) U^-T in double, by two back substitutions from below.
inline matrix<double> middle(const matrix<double>& h, double damping, const matrix<float>& u) {
  const index_t n = h.rows();
  matrix<double> d(h.view());
  for (index_t i = 0; i < n; ++i) d(i, i) += damping;
  for (index_t i = n - 1; i >= 0; --i) {  // rows: d_i -= sum_{k > i} u_ik d_k
    for (index_t k = i + 1; k < n; ++k) {
      for (index_t j = 0; j < n; ++j) d(i, j) -= static_cast<double>(u(i, k)) * d(k, j);
    }
  }
  for (index_t i = n - 1; i >= 0; --i) {  // columns alike
    for (index_t k = i + 1; k < n; ++k) {
      for (index_t j = 0; j < n; ++j) d(j, i) -= static_cast<double>(u(i, k)) * d(j, k);
    }
  }
  return d;
}

}  // namespace openquant::test
