// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/linalg/walsh_hadamard.hpp>
#include <openquant/linalg/walsh_hadamard_columns.hpp>

#include "core/lane_cases.hpp"

namespace {

using namespace openquant;

TEST_CASE_TEMPLATE("walsh_hadamard_columns: the bits of one vector at a time", Lanes, float,
                   batch<baseline_arch>, batch<test::middle_arch>, batch<default_arch>) {
  constexpr index_t lanes = lane_count<Lanes>, gap = 1;  // an address off by one float
  for (index_t n = 1; n <= 4096; n *= 2) {
    CAPTURE(n);
    std::vector<float> x(static_cast<std::size_t>(n * lanes + 2 * gap), 7);
    for (index_t i = 0; i < n * lanes; ++i) {
      x[static_cast<std::size_t>(gap + i)] = random::normal(3, static_cast<std::uint64_t>(i));
    }
    std::vector<float> expected = x, one(static_cast<std::size_t>(n));
    for (index_t l = 0; l < lanes; ++l) {
      const auto at = [&](index_t j) -> float& {
        return expected[static_cast<std::size_t>(gap + j * lanes + l)];
      };
      for (index_t j = 0; j < n; ++j) one[static_cast<std::size_t>(j)] = at(j);
      linalg::walsh_hadamard_scalar(one);
      for (index_t j = 0; j < n; ++j) at(j) = one[static_cast<std::size_t>(j)];
    }
    linalg::walsh_hadamard_columns<Lanes>(x.data() + gap, n);
    CHECK(x == expected);  // what lies beside them as well
  }
}

}  // namespace
