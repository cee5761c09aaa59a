// SPDX-License-Identifier: Apache-2.0
#include "cuda/oracle.hpp"

#include <openquant/linalg/walsh_hadamard.hpp>

namespace openquant::test {

void walsh_hadamard_oracle(std::span<float> x, float before, float after) {
  linalg::walsh_hadamard_scalar(x, linalg::scaled{before}, linalg::scaled{after});
}

}  // namespace openquant::test
