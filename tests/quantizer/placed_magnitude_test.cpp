// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/quantizer/placed_magnitude.hpp>

namespace {

using namespace openquant;
using quantizer::place_of;
using quantizer::placed_magnitude;
using quantizer::power_at_place;

TEST_CASE("placed_magnitude: within 2^-20 of |x|, and it knows its place") {
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const float x = std::ldexp(random::normal(1, i), static_cast<int>(i % 60) - 30);
    for (int k = 0; k < 8; ++k) {
      const float y = placed_magnitude(x, k);
      CHECK(std::fabs(y - std::fabs(x)) <= std::fabs(x) * 0x1p-20f);
      CHECK(place_of(y) == k);
      CHECK(power_at_place<2>(y) == static_cast<float>(1 << k));
      CHECK(power_at_place<4>(y) == static_cast<float>(1 << (2 * k)));
    }
  }
}

TEST_CASE("placed_magnitude: no two of a vector are equal, of equals the later is the larger") {
  for (const float x : {0.0f, -0.0f, 0.25f, -0.25f, 1e-30f, 1e36f}) {
    for (int k = 1; k < 8; ++k) CHECK(placed_magnitude(x, k - 1) < placed_magnitude(x, k));
    CHECK(placed_magnitude(x, 3) == placed_magnitude(-x, 3));
  }
}

TEST_CASE("placed_magnitude: sign bits, one of them turned") {
  const vec<float, 8> x{1, -2, 3, -4, -0.0f, 0, 7, -8};
  CHECK(quantizer::sign_bits(x) == 0b10011010);
  CHECK(quantizer::sign_bits(x, -1.0f) == 0b10011010);
  CHECK(quantizer::sign_bits(x, placed_magnitude(x[0], 0)) == 0b10011011);
  CHECK(quantizer::sign_bits(x, placed_magnitude(x[7], 7)) == 0b00011010);
}

TEST_CASE_TEMPLATE("placed_magnitude: in lanes as in one", Arch, baseline_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  for (std::uint64_t i = 0; i < 50; ++i) {
    float x[width], y[width], power[width];
    for (std::uint64_t l = 0; l < static_cast<std::uint64_t>(width); ++l) {
      x[l] = random::normal(2, i * 16 + l);
    }
    for (int k = 0; k < 8; ++k) {
      const lanes placed = placed_magnitude(load<lanes>(x), k);
      store(placed, y);
      store(power_at_place<2>(placed), power);
      for (index_t l = 0; l < width; ++l) {
        CHECK(y[l] == placed_magnitude(x[l], k));
        CHECK(power[l] == power_at_place<2>(y[l]));
      }
    }
  }
}

}  // namespace
