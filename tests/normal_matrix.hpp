// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <openquant/core/matrix.hpp>
#include <openquant/core/random.hpp>

namespace openquant::test {

/// Independent samples of N(0,1), by seed.
inline matrix<float> normal_matrix(index_t rows, index_t cols, std::uint64_t seed) {
  matrix<float> a(rows, cols);
  for (index_t i = 0; i < rows * cols; ++i) {
    a.data()[i] = random::normal(seed, static_cast<std::uint64_t>(i));
  }
  return a;
}

}  // namespace openquant::test
