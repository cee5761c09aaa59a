// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/lattice/leech.hpp>
#include <openquant/lattice/leech_class_search.hpp>
#include <openquant/lattice/leech_list.hpp>

namespace {

using namespace openquant;
using lattice::leech;
using lattice::leech_class_search;
using point = vec<float, 24>;

point gaussian(std::uint64_t seed, std::uint64_t i, float sigma) {
  point y;
  for (index_t k = 0; k < 24; ++k) {
    y[k] = sigma * random::normal(seed, i * 24 + static_cast<std::uint64_t>(k));
  }
  return y;
}
bool same(const point& a, const point& b) { return squared_norm(a - b) == 0; }

TEST_CASE("leech_class_search: in the ball it agrees with the lattice's nearest point") {
  int inside = 0;
  for (std::uint64_t i = 0; i < 30; ++i) {
    const point y = gaussian(1, i, 2.5f), p = leech::nearest(y);
    if (squared_norm(p) > 208) continue;
    ++inside;
    CHECK(same(leech_class_search::nearest(y), p));
  }
  CHECK(inside > 10);
}

TEST_CASE("leech_class_search: outside, no point listed in the ball is nearer") {
  int outside = 0;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const point y = gaussian(2, i, 3.3f), p = leech_class_search::nearest(y);
    CHECK(same(leech::nearest(p), p));
    CHECK(squared_norm(p) <= 208);
    const float distance = squared_norm(y - p);
    if (distance > 26) continue;  // beyond, the list grows long
    ++outside;
    float least = 1e9f;
    lattice::leech_list(y).within(distance + 0.01f, [&](const point& q, float d) {
      if (squared_norm(q) <= 208) least = d < least ? d : least;
      return distance + 0.01f;
    });
    CHECK(std::fabs(least - distance) <= 1e-4f);
  }
  CHECK(outside > 10);
}

TEST_CASE("leech_class_search: points of the shells stay, of both parities and every sign") {
  const auto& shells = lattice::leech_shells::table();
  for (std::uint64_t i = 0; i < 20; ++i) {
    const point p = shells.point(random::bits(3, i) % lattice::leech_shells::count);
    CHECK(same(leech_class_search::nearest(p), p));
  }
  CHECK(same(leech_class_search::nearest(point{}), point{}));
}

TEST_CASE("leech_class_search: along an axis, 13 and ones") {
  // <y, p> is largest for the largest coordinate there is: 14 would leave 12 for 7 twos on a word.
  const point p = leech_class_search::nearest(point{1000});
  CHECK(p[0] == 13);
  CHECK(squared_norm(p) == 192);
  CHECK(leech_class_search::nearest(point{0, 0, -1000})[2] == -13);
}

}  // namespace
