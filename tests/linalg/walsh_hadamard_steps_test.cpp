// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstdint>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/linalg/diagonal.hpp>
#include <openquant/linalg/walsh_hadamard_steps.hpp>

#include "core/lane_cases.hpp"

namespace {

using namespace openquant;
using namespace openquant::linalg;

/// `count` steps that say which they are: list + i.
template <index_t count>
struct naming {
  static constexpr index_t steps = count;
  std::vector<index_t>* said;
  index_t list;
  template <index_t i>
  void step() const {
    said->push_back(list + i);
  }
};

template <index_t m, index_t n>
void check_turns() {
  std::vector<index_t> said;
  in_turns(naming<m>{&said, 0}, naming<n>{&said, 1000});
  REQUIRE(said.size() == m + n);
  index_t first = 0, second = 0;
  for (const index_t s : said) {
    CHECK(s == (s < 1000 ? first : 1000 + second));  // each list in its order
    (s < 1000 ? first : second) += 1;
    // As large a part of one as of the other, but for a step of the first list.
    CHECK(second * m <= first * n);
    CHECK(second * m >= (first - 1) * n - m + 1);
  }
}

TEST_CASE("walsh_hadamard_steps: lists in order, one after the other, and in turns") {
  std::vector<index_t> said;
  in_order(one_after_other{naming<2>{&said, 10}, naming<0>{&said, 20}});
  in_order(one_after_other{naming<1>{&said, 30}, naming<3>{&said, 40}});
  CHECK(said == std::vector<index_t>{10, 11, 30, 40, 41, 42});
  said.clear();
  steps_between<1, 3>(naming<4>{&said, 0});
  CHECK(said == std::vector<index_t>{1, 2});
  check_turns<1, 1>();
  check_turns<8, 0>();
  check_turns<8, 3>();
  check_turns<40, 20>();
  check_turns<5, 13>();
}

// Step by step the transform of r registers, beside one coordinate after the other.
template <class Lanes, index_t r, bool fused>
bool same_as_scalar() {
  constexpr index_t lanes = lane_count<Lanes>, n = r * lanes;
  constexpr index_t levels = std::bit_width(static_cast<unsigned>(r)) - 1;
  float x[n], expected[n];
  for (index_t i = 0; i < n; ++i) {
    x[i] = expected[i] = random::normal(4, static_cast<std::uint64_t>(i));
  }
  for (index_t h = 1; h < n; h *= 2) {
    for (index_t i = 0; i < n; ++i) {
      if (i & h) continue;
      const float a = expected[i], b = expected[i + h];
      expected[i] = a + b;
      expected[i + h] = a - b;
    }
  }
  Lanes v[r];
  in_order(load_steps<r, Lanes, unscaled>{v, x, lanes, {}});
  in_order(inside_steps<r, Lanes>{v});
  in_order(among_steps<r, levels - 1, fused, Lanes>{v});
  Lanes last[r];
  for (index_t k = 0; k < r; ++k) last[k] = v[k];
  in_order(among_steps<r, 1, fused, Lanes, levels - 1>{last});
  in_order(store_steps<r, fused, Lanes, scaled>{v, x, lanes, {0.3f}});
  bool same = true;
  for (index_t i = 0; i < n; ++i) same &= x[i] == expected[i] * 0.3f;
  for (index_t k = 0; k < r; ++k) store(last[k], x + k * lanes);
  for (index_t i = 0; i < n; ++i) same &= x[i] == expected[i];
  return same;
}

TEST_CASE_TEMPLATE("walsh_hadamard_steps: their transform is the scalar's, to the bit", Lanes,
                   float, batch<baseline_arch>, batch<test::middle_arch>, batch<default_arch>) {
  CHECK(same_as_scalar<Lanes, 2, false>());
  CHECK(same_as_scalar<Lanes, 4, true>());
  CHECK(same_as_scalar<Lanes, 8, false>());
  CHECK(same_as_scalar<Lanes, 16, true>());
}

}  // namespace
