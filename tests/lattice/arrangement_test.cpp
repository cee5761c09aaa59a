// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/lattice/arrangement.hpp>

namespace {

using namespace openquant::lattice;

std::uint64_t rank(std::vector<std::uint8_t> symbols, const multiplicities& m, std::size_t first,
                   std::size_t step) {
  return rank_arrangement(symbols.data(), static_cast<int>(symbols.size()), m, first, step);
}
std::vector<std::uint8_t> order(std::uint64_t number, const multiplicities& m, std::size_t first,
                                std::size_t step, int n) {
  std::vector<std::uint8_t> symbols(static_cast<std::size_t>(n)), at;
  for (int i = 0; i < n; ++i) at.push_back(static_cast<std::uint8_t>(i));
  place_arrangement(number, at.data(), n, m, first, step, symbols.data());
  return symbols;
}

TEST_CASE("arrangement: binomials") {
  CHECK(binomial(24, 12) == 2704156);
  CHECK(binomial(24, 8) == 735471);
  CHECK(binomial(5, 0) == 1);
  CHECK(binomial(0, 0) == 1);
  CHECK(binomial(3, 4) == 0);
}

TEST_CASE("arrangement: every order of a few symbols has its own number") {
  struct row {
    multiplicities m;
    std::size_t first, step;
  };
  for (const row& r : {row{{3, 2, 1, 2}, 0, 1}, row{{0, 4, 0, 3, 0, 0, 0, 1}, 1, 2},
                       row{{0, 0, 0, 5}, 0, 1}, row{{2, 0, 0, 0, 3, 0, 1}, 0, 2}}) {
    std::vector<std::uint8_t> symbols;
    for (std::uint8_t j = 0; j < 8; ++j) symbols.insert(symbols.end(), r.m[j], j);
    const int n = static_cast<int>(symbols.size());
    const std::uint64_t ways = arrangements(r.m, r.first, r.step, n);
    std::vector<int> seen(ways);
    do {
      const std::uint64_t number = rank(symbols, r.m, r.first, r.step);
      REQUIRE(number < ways);
      ++seen[number];
      CHECK(order(number, r.m, r.first, r.step, n) == symbols);
    } while (std::next_permutation(symbols.begin(), symbols.end()));
    CHECK(std::count(seen.begin(), seen.end(), 1) == static_cast<std::ptrdiff_t>(ways));
  }
}

TEST_CASE("arrangement: random numbers of long rows come back") {
  const multiplicities m{9, 6, 4, 2, 1, 1, 1, 0};
  const std::uint64_t ways = arrangements(m, 0, 1, 24);
  CHECK(ways == 49473074851200u);  // 24! / (9! 6! 4! 2!)
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::uint64_t number = openquant::random::bits(1, i) % ways;
    CHECK(rank(order(number, m, 0, 1, 24), m, 0, 1) == number);
  }
  CHECK(rank(order(ways - 1, m, 0, 1, 24), m, 0, 1) == ways - 1);
}

}  // namespace
