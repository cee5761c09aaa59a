// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>

namespace {

using namespace openquant;

/// FNV-1a over the bytes of 64-bit words.
struct fingerprint {
  std::uint64_t hash = 0xcbf29ce484222325u;
  void add(std::uint64_t word) {
    for (int k = 0; k < 8; ++k, word >>= 8) hash = (hash ^ (word & 0xff)) * 0x100000001b3u;
  }
};

TEST_CASE("random: the first 1000 numbers are the same on every machine") {
  fingerprint integers, uniforms, normals;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    integers.add(random::bits(1, i));
    uniforms.add(std::bit_cast<std::uint64_t>(random::uniform(1, i)));
    normals.add(std::bit_cast<std::uint32_t>(random::normal(1, i)));
  }
  CHECK(integers.hash == 0x58373fdffffdca23u);
  CHECK(uniforms.hash == 0x6f97eb09ecf3a277u);
  CHECK(normals.hash == 0xa2b028f09d63c744u);
}

TEST_CASE("random: normal quantiles of the tables") {
  const double p[] = {0.05, 0.01, 1e-5, 1e-12}, x[] = {1.6448536, 2.3263479, 4.2648908, 7.0344838};
  for (int i = 0; i < 4; ++i) {
    CHECK(std::fabs(random::normal_quantile(p[i]) + x[i]) <= 1e-6 * x[i]);
    CHECK(std::fabs(random::normal_quantile(1 - p[i]) - x[i]) <= 1e-6 * x[i]);
  }
  CHECK(random::normal_quantile(0.5) == 0);
}

TEST_CASE("random: normal quantile inverts the distribution function") {
  const double root2 = std::sqrt(2.0), density0 = 1 / std::sqrt(2 * 3.14159265358979);
  for (int i = 1; i < 4000; ++i) {
    const double p = i < 2000 ? 0.00025 * i : std::exp2(-0.025 * (i - 1999));  // down to 2^-50
    const double x = random::normal_quantile(p);
    const double excess = std::erfc(-x / root2) / 2 - p;
    const double density = density0 * std::exp(-x * x / 2);
    CHECK(std::fabs(excess / density) <= 1e-6 * std::fabs(x) + 1e-15);
  }
}

TEST_CASE("random: logarithm") {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const double x = std::ldexp(random::uniform(3, i), -static_cast<int>(i % 60));
    CHECK(std::fabs(random::log(x) - std::log(x)) <= 1e-12);
  }
}

TEST_CASE("random: normal samples have the moments of N(0,1)") {
  constexpr int n = 100000;
  double sum = 0, square = 0, fourth = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(random::normal(7, i)), x2 = x * x;
    sum += x, square += x2, fourth += x2 * x2;
  }
  // Five standard deviations of each mean: Var x = 1, Var x^2 = 2, Var x^4 = 105 - 9.
  const double deviation = 5 / std::sqrt(static_cast<double>(n));
  CHECK(std::fabs(sum / n) <= deviation);
  CHECK(std::fabs(square / n - 1) <= deviation * std::sqrt(2.0));
  CHECK(std::fabs(fourth / n - 3) <= deviation * std::sqrt(96.0));
}

TEST_CASE("random: streams and neighbours are uncorrelated") {
  constexpr int n = 20000;
  double streams = 0, neighbours = 0, swapped = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(random::normal(1, i));
    streams += x * static_cast<double>(random::normal(2, i));
    neighbours += x * static_cast<double>(random::normal(1, i + 1));
    swapped += x * static_cast<double>(random::normal(i + 2, 1));
  }
  const double bound = 5 * std::sqrt(static_cast<double>(n));
  CHECK(std::fabs(streams) <= bound);
  CHECK(std::fabs(neighbours) <= bound);
  CHECK(std::fabs(swapped) <= bound);
}

TEST_CASE("random: each output bit is one half of the time set") {
  for (int bit = 0; bit < 64; ++bit) {
    int ones = 0;
    for (std::uint64_t i = 0; i < 4000; ++i)
      ones += static_cast<int>(random::bits(0, i) >> bit & 1);
    CHECK(std::abs(ones - 2000) <= 5 * 32);  // standard deviation sqrt(4000) / 2 = 31.6
  }
}

TEST_CASE("random: uniform lies inside (0, 1), an odd multiple of 2^-53") {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const double scaled = std::ldexp(random::uniform(4, i), 53);
    CHECK(scaled > 0);
    CHECK(scaled < 0x1p53);
    CHECK(std::fmod(scaled, 2.0) == 1);
  }
}

TEST_CASE("random: signs and indices are balanced") {
  int sum = 0, count[7] = {};
  for (std::uint64_t i = 0; i < 7000; ++i) {
    const float s = random::sign(5, i);
    CHECK((s == 1 || s == -1));
    sum += static_cast<int>(s);
    const auto k = random::index(6, i, 7);
    REQUIRE(k < 7);
    ++count[k];
  }
  CHECK(std::abs(sum) <= 5 * 84);                           // sqrt(7000) = 83.7
  for (int c : count) CHECK(std::abs(c - 1000) <= 5 * 30);  // sqrt(7000 6 / 49) = 29.3
  CHECK(random::index(1, 1, 1) == 0);
}

static_assert(random::bits(1, 2) == random::bits(1, 2) && random::bits(1, 2) != random::bits(2, 1));

}  // namespace
