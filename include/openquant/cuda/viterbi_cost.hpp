// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <openquant/cuda/block.hpp>

namespace openquant::cuda {

/// Cost of being at a value so far from what is wanted, both 16-bit fixed point: the number that
/// `quantizer::viterbi` has, which computes it in 16-bit lanes. At most 2^15.
OPENQUANT_DEVICE inline int viterbi_cost(int difference) {
  const int e = difference < -32768 ? -32768 : difference > 32767 ? 32767 : difference;
  return (e * e + (1 << 14)) >> 15;
}

/// The sum of a path and a step, which stays at 2^16 - 1 once it is there.
OPENQUANT_DEVICE inline int viterbi_sum(int path, int step) {
  const int sum = path + step;
  return sum < 65535 ? sum : 65535;
}

}  // namespace openquant::cuda
