// SPDX-License-Identifier: Apache-2.0
#include "llm/rotary.hpp"

#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>

#include "worst.hpp"

namespace oq = openquant;
using kind = llm::rope_scaling::kind;

namespace {

llm::config of_theta(double theta, oq::index_t head_dim) {
  llm::config c;
  c.rope_theta = theta;
  c.head_dim = head_dim;
  return c;
}

}  // namespace

TEST_CASE("rotary: frequencies are powers of theta, and linear scaling divides them") {
  llm::config c = of_theta(10000, 8);
  const auto f = llm::rotary_frequencies(c);
  REQUIRE(f.size() == 4);
  for (std::size_t j = 0; j < 4; ++j) {
    CHECK(f[j] == doctest::Approx(std::pow(10.0, -static_cast<double>(j))).epsilon(1e-14));
  }
  c.rope_scaling = {.type = kind::linear, .factor = 4};
  for (std::size_t j = 0; j < 4; ++j) {
    CHECK(llm::rotary_frequencies(c)[j] == doctest::Approx(f[j] / 4).epsilon(1e-14));
  }
}

TEST_CASE("rotary: the scaling of Llama 3.1 keeps fast pairs, slows slow ones, blends between") {
  llm::config c = of_theta(500000, 128);
  const auto f = llm::rotary_frequencies(c);
  c.rope_scaling = {kind::llama3, 8, 1, 4, 8192};
  const auto scaled = llm::rotary_frequencies(c);
  int kept = 0, slowed = 0;
  for (std::size_t j = 0; j < 64; ++j) {
    const double wavelength = 2 * std::acos(-1.0) / f[j];
    if (wavelength < 2048) {
      CHECK(scaled[j] == doctest::Approx(f[j]).epsilon(1e-14));
      ++kept;
    } else if (wavelength > 8192) {
      CHECK(scaled[j] == doctest::Approx(f[j] / 8).epsilon(1e-14));
      ++slowed;
    } else {
      CHECK(scaled[j] < f[j]);
      CHECK(scaled[j] > f[j] / 8);
    }
  }
  // 2 pi 500000^(j / 64) is below 2048 up to j = 28 and above 8192 from j = 35.
  CHECK(kept == 29);
  CHECK(slowed == 29);
}

TEST_CASE("rotary: position t turns a pair by t times its frequency, at far positions too") {
  const llm::config c = of_theta(10000, 6);
  const oq::index_t positions = 40000;
  oq::matrix<float> head(positions, 6);
  for (oq::index_t t = 0; t < positions; ++t) {
    for (oq::index_t j = 0; j < 6; ++j) head(t, j) = static_cast<float>(j + 1);
  }
  llm::rotary(c, positions).apply(head);
  const auto f = llm::rotary_frequencies(c);
  double largest = 0;
  for (oq::index_t t = 0; t < positions; t += 17) {
    for (oq::index_t j = 0; j < 3; ++j) {
      const double angle = static_cast<double>(t) * f[static_cast<std::size_t>(j)];
      const double x = static_cast<double>(j + 1), y = static_cast<double>(j + 4);
      const double low = x * std::cos(angle) - y * std::sin(angle);
      const double high = y * std::cos(angle) + x * std::sin(angle);
      largest = oq::test::worst(largest, std::fabs(static_cast<double>(head(t, j)) - low));
      largest = oq::test::worst(largest, std::fabs(static_cast<double>(head(t, j + 3)) - high));
    }
  }
  CHECK(largest < 5 * 9 * 0x1p-24);  // five roundings of numbers below 9
}
