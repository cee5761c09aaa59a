// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstdint>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/core/simd_double.hpp>

namespace {

using namespace openquant;

template <class Arch>
void check_lanes() {
  using lanes = double_batch<Arch>;
  constexpr index_t width = lanes::lanes;
  CHECK(2 * width == lane_count<batch<Arch>>);
  const auto same = [](double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
  };
  bool right = true;
  for (std::uint64_t draw = 0; draw < 100; ++draw) {
    double a[width + 1] = {}, b[width + 1] = {}, sum[width + 2] = {}, product[width + 2] = {};
    for (index_t l = 1; l <= width; ++l) {  // unaligned
      const auto at = static_cast<std::uint64_t>(l);
      a[l] = static_cast<double>(random::normal(draw, at)) / 3;
      b[l] = static_cast<double>(random::normal(draw + 1000, at)) / 7;
    }
    store(lanes::load(a + 1) + lanes::load(b + 1), sum + 1);
    store(lanes::load(a + 1) * lanes(b[1]), product + 1);
    for (index_t l = 1; l <= width; ++l) {
      right &= same(sum[l], a[l] + b[l]) && same(product[l], a[l] * b[1]);
    }
    right &= sum[0] == 0 && sum[width + 1] == 0 && product[0] == 0 && product[width + 1] == 0;
  }
  CHECK(right);
}

TEST_CASE("simd_double: gives the bits of double in every lane, and stores no more") {
  check_lanes<default_arch>();
  check_lanes<baseline_arch>();
}

}  // namespace
