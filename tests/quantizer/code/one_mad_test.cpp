// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/quantizer/code/one_mad.hpp>

namespace {

using openquant::quantizer::code::one_mad;

TEST_CASE("one_mad: a value by hand") {
  // State 0: 76625530 = 0x0491367a, the bytes 4, 145, 54 and 122 add up to 325.
  CHECK(one_mad::raw(0) == (325.0f - 510.0f) / 147.800537109375f);
  CHECK(one_mad::value<3, 12>(0) == (325.0f - 510.0f) * (1.055f / 147.800537109375f));
}

TEST_CASE("one_mad: the raw deviation is 1") {
  double sum = 0, squares = 0;
  for (std::uint32_t s = 0; s < 65536; ++s) {
    const auto v = static_cast<double>(one_mad::raw(s));
    sum += v;
    squares += v * v;
  }
  CHECK(std::fabs(sum / 65536) < 0.01);
  CHECK(std::sqrt(squares / 65536) == doctest::Approx(1).epsilon(0.02));
}

}  // namespace
