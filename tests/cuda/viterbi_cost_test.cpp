// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/viterbi_cost.hpp>
#include <openquant/quantizer/viterbi.hpp>

namespace {

using namespace openquant;
using lane = plain16<1>;

TEST_CASE("cuda::viterbi_cost: the number of the CPU's lanes, at the ends of its range too") {
  using search = quantizer::viterbi<2, 12, 256>;
  for (int value = -32768; value <= 32767; value += value < -32760 || value > 32760 ? 1 : 5) {
    for (const int x : {-32768, -32767, -20000, -181, -1, 0, 1, 128, 181, 4096, 32766, 32767}) {
      const lane cost = search::branch_cost(lane::fill(static_cast<std::uint16_t>(value)),
                                            lane::fill(static_cast<std::uint16_t>(x)));
      REQUIRE(cuda::viterbi_cost(value - x) == cost.v[0]);
    }
  }
}

TEST_CASE("cuda::viterbi_sum: stays at 2^16 - 1") {
  for (const int path : {0, 1, 32767, 32768, 65534, 65535}) {
    for (const int step : {0, 1, 2, 32767, 32768}) {
      const lane sum = saturated_sum(lane::fill(static_cast<std::uint16_t>(path)),
                                     lane::fill(static_cast<std::uint16_t>(step)));
      CHECK(cuda::viterbi_sum(path, step) == sum.v[0]);
    }
  }
}

}  // namespace
