// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/quantizer/code/hybrid.hpp>

namespace {

using namespace openquant;
using quantizer::code::hybrid;

TEST_CASE("hybrid: values by hand") {
  // State 0: hash 0, the least magnitude, the quantile 1/2 + 1/256 of N(0,1), 0.00979.
  CHECK(hybrid<>::value<1, 12>(0) == doctest::Approx(0.90 * 0.0097918).epsilon(1e-3));
  // State 300: 300 * 301 = 90300 = 0x160bc; bit 15 is 0, bits 14 to 9 are 110000.
  CHECK(hybrid<>::value<2, 12>(300) == hybrid<>::magnitudes()[48] * 1.06f);
  // State 200: 200 * 201 = 40200 = 0x9d08; bit 15 is 1, bits 14 to 9 are 001110.
  CHECK(hybrid<>::value<3, 12>(200) == -hybrid<>::magnitudes()[14] * 1.12f);
  CHECK(hybrid<9>::value<4, 12>(200) == -hybrid<9>::magnitudes()[0x9d08 >> 6 & 511] * 1.20f);
}

TEST_CASE("hybrid: as many states have one sign as the other, and the deviation is 1 unscaled") {
  int negative = 0;
  double squares = 0;
  for (std::uint32_t s = 0; s < 65536; ++s) {
    const auto v = static_cast<double>(hybrid<>::value<1, 16>(s)) / static_cast<double>(0.90f);
    negative += v < 0 ? 1 : 0;
    squares += v * v;
  }
  CHECK(negative == 32768);
  CHECK(std::sqrt(squares / 65536) == doctest::Approx(1).epsilon(0.02));
}

}  // namespace
