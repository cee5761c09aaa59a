// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <openquant/lattice/leech.hpp>

#include "laws/lattice_laws.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using lattice::golay;
using lattice::leech;
using point = vec<float, 24>;

point random_point(std::uint64_t seed, std::uint64_t i, double width) {
  point x;
  for (index_t k = 0; k < 24; ++k) {
    const auto number = i * 24 + static_cast<std::uint64_t>(k);
    x[k] = static_cast<float>(width * (random::uniform(seed, number) - 0.5));
  }
  return x;
}

/// A random lattice vector, as a sum of rows of the generator.
point random_lattice_point(std::uint64_t seed, std::uint64_t i) {
  constexpr auto g = leech::generator();
  point x{};
  for (index_t k = 0; k < 24; ++k) {
    const auto number = i * 24 + static_cast<std::uint64_t>(k);
    x = x + g[k] * (static_cast<float>(random::index(seed, number, 9)) - 4);
  }
  return x;
}

/// By the lattice's definition through congruences, not by its generator.
bool in_lattice(const point& x) {
  int sum = 0;
  std::uint32_t mask = 0;
  for (index_t k = 0; k < 24; ++k) {
    if (x[k] != std::rint(x[k])) return false;
    const int value = static_cast<int>(x[k]), odd = static_cast<int>(x[0]) & 1;
    if ((value & 1) != odd) return false;
    sum += value;
    if ((value & 3) == 2 + odd) mask |= 1u << k;
  }
  return golay::contains(mask) && (sum & 7) == 4 * (static_cast<int>(x[0]) & 1);
}

double squared_distance(const point& a, const point& b) {
  double sum = 0;
  for (index_t k = 0; k < 24; ++k) {
    const double difference = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    sum += difference * difference;
  }
  return sum;
}

/// Least squared distance over 8192 cosets of 8 Z^24's even sums: each coordinate rounded, and
/// where the parity is wrong the cheapest moved on.
double least_by_cosets(const point& x) {
  double least = 1e300;
  for (int o = 0; o < 2; ++o) {
    for (int index = 0; index < golay::words; ++index) {
      const std::uint32_t word = golay::word(index);
      double sum = 0, cheapest = 1e300;
      long parity = 0;
      for (index_t k = 0; k < 24; ++k) {
        const double u = (static_cast<double>(x[k]) - o - 2.0 * (word >> k & 1)) / 4;
        const double rounded = std::rint(u), e = std::fabs(u - rounded);
        sum += 16 * e * e;
        cheapest = std::min(cheapest, 16 * (1 - 2 * e));
        parity += static_cast<long>(rounded);
      }
      if ((parity & 1) != o) sum += cheapest;
      least = std::min(least, sum);
    }
  }
  return least;
}

static_assert(Lattice<leech> && leech::dim == 24);

TEST_CASE("leech: laws and second moment 0.065753") {
  laws::check_lattice_laws<leech>(0.065753);
  CHECK(leech::name() == "leech");
}

TEST_CASE("leech: no coset of 8192 has a nearer point") {
  for (std::uint64_t i = 0; i < 60; ++i) {
    const point x = random_point(1, i, i < 50 ? 64 : 4e4), y = leech::nearest(x);
    REQUIRE(in_lattice(y));
    const double rounding = i < 50 ? 1e-4 : 0.1;  // of remainders: 2^-24 of 2e4, 24 times
    CHECK(std::fabs(squared_distance(x, y) - least_by_cosets(x)) <= rounding);
  }
}

TEST_CASE("leech: lattice points stay, and points near them go to them") {
  for (std::uint64_t i = 0; i < 200; ++i) {
    const point y = random_lattice_point(2, i);
    REQUIRE(in_lattice(y));
    CHECK(squared_distance(leech::nearest(y), y) == 0);
    point x = y, e = random_point(3, i, 1);
    const double length = std::sqrt(squared_distance(e, point{}));
    x = x + e * static_cast<float>(2.8 / length);  // the packing radius is sqrt(8) = 2.828
    CHECK(squared_distance(leech::nearest(x), y) == 0);
  }
}

TEST_CASE("leech: nearest moves with the lattice") {
  for (std::uint64_t i = 0; i < 200; ++i) {
    point x = random_point(4, i, 32);
    for (index_t k = 0; k < 24; ++k) x[k] = std::rint(x[k] * 64) / 64;  // so that sums are exact
    const point y = random_lattice_point(5, i);
    CHECK(squared_distance(x + y, leech::nearest(x + y)) == squared_distance(x, leech::nearest(x)));
  }
}

TEST_CASE("leech: negation and a sign change on a word of the Golay code are symmetries") {
  for (std::uint64_t i = 0; i < 50; ++i) {
    const point x = random_point(6, i, 32);
    const std::uint32_t word = golay::word(static_cast<int>(random::index(7, i, 4096)));
    point mirrored = x;
    for (index_t k = 0; k < 24; ++k) {
      if (word >> k & 1) mirrored[k] = -mirrored[k];
    }
    const double d = squared_distance(x, leech::nearest(x));
    CHECK(squared_distance(x * -1.0f, leech::nearest(x * -1.0f)) == doctest::Approx(d));
    CHECK(squared_distance(mirrored, leech::nearest(mirrored)) == doctest::Approx(d));
  }
}

TEST_CASE("leech: a deep hole is at the covering radius, 4, of 48 points; no point is further") {
  point hole{4};  // half of (8, 0, ..., 0), of type A1^24
  for (index_t k = 0; k < 24; ++k) {
    for (const float sign : {-1.0f, 1.0f}) {
      point towards = hole;
      towards[k] += 0.5f * sign;
      point vertex{4};
      vertex[k] += 4 * sign;
      REQUIRE(in_lattice(vertex));
      CHECK(squared_distance(hole, vertex) == 16);
      CHECK(squared_distance(leech::nearest(towards), vertex) == 0);
    }
  }
  CHECK(squared_distance(hole, leech::nearest(hole)) == 16);
  CHECK(least_by_cosets(hole) == 16);
  double furthest = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const point x = random_point(8, i, 16);
    furthest = test::worst(furthest, squared_distance(x, leech::nearest(x)));
  }
  CHECK(furthest > 14);
  CHECK(furthest <= 16 + 1e-4);
}

TEST_CASE("leech: the generator is triangular, its rows lie in the lattice and span it") {
  constexpr auto g = leech::generator();
  double determinant = 1;
  for (index_t k = 0; k < 24; ++k) {
    CHECK(in_lattice(g[k]));
    for (index_t i = k + 1; i < 24; ++i) CHECK(g[k][i] == 0);
    determinant *= static_cast<double>(g[k][k]);
    // The lattice is even and, over 8, unimodular: products are integers.
    for (index_t j = 0; j < 24; ++j) {
      float product = 0;
      for (index_t i = 0; i < 24; ++i) product += g[k][i] * g[j][i];
      CHECK(std::remainder(product, 8.0f) == 0);
      if (j == k) CHECK(std::remainder(product, 16.0f) == 0);
    }
  }
  CHECK(determinant == leech::volume);
  CHECK(leech::volume == std::pow(8.0, 12));
}

TEST_CASE("leech: points beyond float's integers are finite and near") {
  for (const float magnitude : {1e6f, 1e9f, 1e30f, -1e38f}) {
    const point x = random_point(11, 0, 2) * magnitude, y = leech::nearest(x);
    for (index_t k = 0; k < 24; ++k) CHECK(std::fabs(y[k] - x[k]) <= 8 + 1e-6f * std::fabs(x[k]));
  }
}

}  // namespace
