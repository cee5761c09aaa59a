// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/matrix.hpp>

namespace openquant::test {

/// Whether products and sums are fused on the device of this build, as nvcc does unless it is told
/// -fmad=false. A weight between two codes, or a scale between two candidates, may then fall to the
/// other side.
#if defined(OPENQUANT_TEST_FUSED)
inline constexpr bool fused = true;
#else
inline constexpr bool fused = false;
#endif

/// The CPU's bits, or fused, but for 1 in 100 elements.
template <class T>
bool agree(const matrix<T>& found, const matrix<T>& expected) {
  if (found.rows() != expected.rows() || found.cols() != expected.cols()) return false;
  index_t differing = 0;
  for (index_t i = 0; i < found.rows(); ++i) {
    for (index_t j = 0; j < found.cols(); ++j) differing += found(i, j) == expected(i, j) ? 0 : 1;
  }
  return fused ? 100 * differing <= found.rows() * found.cols() : differing == 0;
}

}  // namespace openquant::test
