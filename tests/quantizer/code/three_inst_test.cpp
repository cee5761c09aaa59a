// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/quantizer/code/three_inst.hpp>

namespace {

using openquant::quantizer::code::three_inst;

TEST_CASE("three_inst: a value by hand") {
  // State 0: 64248484 = 0x03d45aa4, & 0x8fff8fff = 0x03d40aa4, ^ 0x3b603b60 = 0x38b431c4; the
  // halves are 2^-1 (1 + 180 / 1024) and 2^-3 (1 + 452 / 1024).
  CHECK(three_inst::raw(0) == 0.587890625f + 0.18017578125f);
  CHECK(three_inst::value<2, 12>(0) == three_inst::raw(0) * 0.808f);
}

TEST_CASE("three_inst: the raw deviation is 1.244 at L = 16, the scaled one near sqrt(1 - 4^-B)") {
  double raw = 0, scaled[4] = {};
  for (std::uint32_t s = 0; s < 65536; ++s) {
    const auto square = [](float v) { return static_cast<double>(v) * static_cast<double>(v); };
    raw += square(three_inst::raw(s));
    scaled[0] += square(three_inst::value<1, 16>(s));
    scaled[1] += square(three_inst::value<2, 16>(s));
    scaled[2] += square(three_inst::value<3, 16>(s));
    scaled[3] += square(three_inst::value<4, 16>(s));
  }
  CHECK(std::sqrt(raw / 65536) == doctest::Approx(1.244).epsilon(5e-4));
  for (int B = 1; B <= 4; ++B) {
    const double best = std::sqrt(1 - std::pow(4.0, -B)), d = std::sqrt(scaled[B - 1] / 65536);
    CHECK(d > best);
    CHECK(d < 1.09 * best);
  }
}

}  // namespace
