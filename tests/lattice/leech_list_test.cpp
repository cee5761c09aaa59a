// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <set>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/lattice/leech.hpp>
#include <openquant/lattice/leech_list.hpp>
#include <openquant/lattice/leech_shells.hpp>

namespace {

using namespace openquant;
using lattice::leech;
using lattice::leech_list;
using lattice::leech_shells;
using point = vec<float, 24>;

point random_point(std::uint64_t seed, std::uint64_t i, float width) {
  point x;
  for (index_t k = 0; k < 24; ++k) {
    x[k] = width * random::normal(seed, i * 24 + static_cast<std::uint64_t>(k));
  }
  return x;
}

TEST_CASE("leech_list: around the origin it finds shell 2, 196560 points, each once") {
  const auto& shells = leech_shells::table();
  std::vector<int> found(196561);
  bool within = true;
  leech_list(point{}).within(33, [&](const point& y, float distance) {
    within = within && distance == squared_norm(y) && distance <= 32;
    ++found[static_cast<std::size_t>(std::min<std::uint64_t>(shells.rank(y), 196560))];
    return 33.0f;
  });
  CHECK(within);
  CHECK(std::count(found.begin(), found.end(), 1) == 196561);
}

TEST_CASE("leech_list: around a deep hole there are 48 points and no other within sqrt(24)") {
  int count = 0;
  leech_list(point{4}).within(23.9f, [&](const point&, float distance) {
    CHECK(distance == 16);
    ++count;
    return 23.9f;
  });
  CHECK(count == 48);
}

TEST_CASE("leech_list: as many points as around any lattice point moved along") {
  for (std::uint64_t i = 0; i < 10; ++i) {
    point z = random_point(1, i, 3);
    for (index_t k = 0; k < 24; ++k) z[k] = std::rint(z[k] * 16) / 16;
    const point away = leech::nearest(random_point(2, i, 20));
    const auto distances = [&](const point& centre) {
      std::vector<float> list;
      leech_list(centre).within(24, [&](const point& y, float distance) {
        const point e = y - centre;
        CHECK(std::fabs(squared_norm(e) - distance) <= 1e-5f * distance);
        CHECK(squared_norm(y - leech::nearest(y)) == 0);
        list.push_back(distance);
        return 24.0f;
      });
      std::sort(list.begin(), list.end());
      return list;
    };
    CHECK(distances(z) == distances(z + away));
    CHECK(distances(z).size() > 200);
  }
}

TEST_CASE("leech_list: a bound that follows the best point ends at the nearest") {
  for (std::uint64_t i = 0; i < 200; ++i) {
    const point z = random_point(3, i, 10), nearest = leech::nearest(z);
    point best{};
    float least = 1e9f;
    leech_list(z).within(40, [&](const point& y, float distance) {
      best = y;
      least = distance;
      return distance;
    });
    CHECK(std::fabs(least - squared_norm(z - nearest)) <= 1e-5f * least);
    CHECK(squared_norm(best - nearest) == 0);
  }
}

TEST_CASE("leech_list: nothing lies within nothing") {
  int count = 0;
  const auto visit = [&](const point&, float) {
    ++count;
    return 0.0f;
  };
  leech_list(point{}).within(0, visit);
  leech_list(point{4}).within(16, visit);
  CHECK(count == 0);
}

}  // namespace
