// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

/// What the CPU's half of the library answers, for tests that nvcc compiles: it is compiled beside
/// them, by the host's compiler.
namespace openquant::test {

/// x <- after H before x.
void walsh_hadamard_oracle(std::span<float> x, float before, float after);

}  // namespace openquant::test
