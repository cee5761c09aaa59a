// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/lattice/leech.hpp>
#include <openquant/lattice/leech_shells.hpp>

namespace {

using namespace openquant;
using lattice::leech;
using lattice::leech_shells;
using point = vec<float, 24>;

bool same(const point& a, const point& b) { return squared_norm(a - b) == 0; }

std::vector<std::uint64_t> points_by_shell() {
  std::vector<std::uint64_t> n(14);
  for (const auto& c : leech_shells::table().classes())
    n[static_cast<std::size_t>(c.shell)] += c.size;
  return n;
}

TEST_CASE("leech_shells: the docstring's counts") {
  const auto n = points_by_shell();
  CHECK(n[0] == 1);
  CHECK(n[1] == 0);
  CHECK(n[2] == 196560);
  CHECK(n[3] == 16773120);
  CHECK(n[4] == 398034000);
  CHECK(n[5] == 4629381120);
  std::uint64_t up_to = 0;
  for (std::size_t m = 2; m <= 12; ++m) up_to += n[m];
  CHECK(up_to == 111043117458000);
  CHECK(up_to + n[13] == 280974212784720);
  CHECK(leech_shells::count == up_to + n[13] + 1);
  CHECK(leech_shells::count < std::uint64_t{1} << 48);
  for (const auto& c : leech_shells::table().classes()) CHECK(c.size > 0);  // 384 were found
}

/// n(m) = 65520 / 691 (sigma_11(m) - tau(m)), tau from q prod (1 - q^k)^24.
TEST_CASE("leech_shells: shells are as large as the theta series says") {
  std::vector<std::int64_t> product(14);
  product[0] = 1;
  for (int k = 1; k < 14; ++k) {
    for (int power = 0; power < 24; ++power) {
      for (int i = 13; i >= k; --i) {
        product[static_cast<std::size_t>(i)] -= product[static_cast<std::size_t>(i - k)];
      }
    }
  }
  const auto n = points_by_shell();
  for (std::int64_t m = 1; m <= 13; ++m) {
    std::int64_t sigma = 0;
    for (std::int64_t d = 1; d <= m; ++d) {
      if (m % d != 0) continue;
      std::int64_t power = 1;
      for (int i = 0; i < 11; ++i) power *= d;
      sigma += power;
    }
    const std::int64_t tau = product[static_cast<std::size_t>(m - 1)];
    CHECK((sigma - tau) % 691 == 0);
    CHECK(n[static_cast<std::size_t>(m)] ==
          static_cast<std::uint64_t>((sigma - tau) / 691 * 65520));
  }
}

TEST_CASE("leech_shells: the 196560 minimal vectors are numbered once each, all in the lattice") {
  const auto& shells = leech_shells::table();
  std::uint64_t wrong = 0;
  for (std::uint64_t number = 1; number <= 196560; ++number) {
    const point x = shells.point(number);
    wrong += squared_norm(x) != 32;
    wrong += shells.rank(x) != number;
  }
  CHECK(wrong == 0);
  for (std::uint64_t number = 1; number <= 196560; number += 101) {
    const point x = shells.point(number);
    CHECK(same(leech::nearest(x), x));
  }
}

TEST_CASE("leech_shells: first, last and random points of every class") {
  const auto& shells = leech_shells::table();
  std::uint64_t wrong = 0, seed = 0;
  for (const auto& c : shells.classes()) {
    std::vector<std::uint64_t> numbers{c.first, c.first + c.size - 1};
    for (std::uint64_t i = 0; i < 20; ++i)
      numbers.push_back(c.first + random::bits(++seed, i) % c.size);
    for (const std::uint64_t number : numbers) {
      const point x = shells.point(number);
      wrong += squared_norm(x) != static_cast<float>(16 * c.shell);
      wrong += shells.rank(x) != number;
      wrong += !same(leech::nearest(x), x);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("leech_shells: lattice points of the shells go to their number and back") {
  const auto& shells = leech_shells::table();
  int tried = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    point x;
    for (index_t k = 0; k < 24; ++k) {
      x[k] = 2.5f * random::normal(3, i * 24 + static_cast<std::uint64_t>(k));
    }
    const point y = leech::nearest(x);
    if (squared_norm(y) > 16 * leech_shells::last) continue;
    ++tried;
    const std::uint64_t number = shells.rank(y);
    CHECK(number < leech_shells::count);
    CHECK(same(shells.point(number), y));
  }
  CHECK(tried > 1000);
}

TEST_CASE("leech_shells: numbers beyond the last and points beyond the shells") {
  const auto& shells = leech_shells::table();
  CHECK(same(shells.point(leech_shells::count), point{}));
  CHECK(same(shells.point(~std::uint64_t{0}), point{}));
  CHECK(shells.rank(point{}) == 0);
  CHECK(shells.rank(point{8, 8, 8, 8}) == 0);
}

}  // namespace
