// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/quantizer/e8p_patterns.hpp>
#include <openquant/quantizer/e8p_search.hpp>

#include "quantizer/e8p_sample.hpp"

namespace {

using namespace openquant;
using quantizer::e8p_codebook;
using quantizer::e8p_search;

constexpr vec<float, 8> ones{1, 1, 1, 1, 1, 1, 1, 1};

/// Its shift, and the parity of its 3/2.
std::size_t class_of(std::int32_t code) {
  std::int32_t threes = e8p_codebook::table.magnitude[code >> 8] & 0x5555;
  std::size_t parity = 0;
  for (; threes != 0; threes &= threes - 1) parity ^= 1;
  return static_cast<std::size_t>((code >> 7) & 1) * 2 + parity;
}

/// Far out, where least |y_i| has a large magnitude, the runner-up may be another one.
TEST_CASE("e8p_search: the nearest of all 65536; in 97 % of points the nearest of the next class") {
  std::vector<vec<float, 8>> points;
  for (std::int32_t c = 0; c < 65536; ++c) points.push_back(e8p_codebook::point<float>(c));
  int next = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const vec<float, 8> u = test::e8p_sample(i);
    std::array<double, 4> least;
    least.fill(1e9);
    for (std::int32_t c = 0; c < 65536; ++c) {
      double& of_class = least.at(class_of(c));
      const auto& p = points[static_cast<std::size_t>(c)];
      of_class = std::min(of_class, test::weighted_distance(ones, u, p));
    }
    const e8p_search<float> found(u);
    const std::int32_t first = found.nearest().code(), second = found.runner_up().code();
    CHECK(class_of(first) != class_of(second));
    std::sort(least.begin(), least.end());
    const auto distance = [&](std::int32_t code) {
      return test::weighted_distance(ones, u, points[static_cast<std::size_t>(code)]);
    };
    CHECK(distance(first) == doctest::Approx(least[0]).epsilon(1e-5));
    CHECK(distance(second) >= least[1] * (1 - 1e-5));
    next += distance(second) <= least[1] * (1 + 1e-5);
  }
  CHECK(next >= 291);
}

}  // namespace
