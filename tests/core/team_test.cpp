// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/core/team.hpp>

namespace {

using namespace openquant;
using entry = team::entry<int>;

/// The least of the losses, with ten times its number, by a team.
entry least(int threads, const std::vector<float>& losses, entry best = {}) {
  team{threads}.least(std::ssize(losses), best, [&](index_t k, entry& mine) {
    const float loss = losses[static_cast<std::size_t>(k)];
    if (loss < mine.loss) mine = {loss, static_cast<int>(k), 10 * static_cast<int>(k)};
  });
  return best;
}

TEST_CASE("team: one thread and 32 find the same, of equals the first") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const std::size_t count : {1u, 5u, 31u, 32u, 33u, 100u}) {
      std::vector<float> losses(count);
      for (std::size_t k = 0; k < count; ++k) {  // of few values, so that many are equal
        losses[k] = static_cast<float>(random::index(seed, k, 7));
      }
      const auto first = std::min_element(losses.begin(), losses.end()) - losses.begin();
      for (const int threads : {1, 32}) {
        const entry found = least(threads, losses);
        REQUIRE(found.number == first);
        REQUIRE(found.value == 10 * first);
        REQUIRE(found.loss == losses[static_cast<std::size_t>(first)]);
      }
    }
  }
}

TEST_CASE("team: what was best before stays where nothing is better") {
  const std::vector<float> losses{4, 3, 3};
  for (const int threads : {1, 32}) {
    CHECK(least(threads, losses, {3, -1, 7}).value == 7);
    CHECK(least(threads, losses, {3.5f, -1, 7}).value == 10);
  }
}

TEST_CASE("team: of one candidate after the other the first is kept whatever its loss is") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float opening : {nan, std::numeric_limits<float>::infinity(), 2.0f}) {
    entry best;
    best.consider(opening, 0, 5, true);
    CHECK(best.value == 5);
    best.consider(nan, 1, 6, false);
    CHECK(best.value == 5);
    best.consider(1, 2, 7, false);
    CHECK(best.value == (opening != opening ? 5 : 7));  // below a NaN there is nothing
    best.consider(1, 3, 8, false);
    CHECK(best.number == (opening != opening ? 0 : 2));
  }
}

TEST_CASE("team: a loss that is not a number is never the least") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (const int threads : {1, 32}) CHECK(least(threads, {nan, 2, nan, 1, nan}).value == 30);
}

}  // namespace
