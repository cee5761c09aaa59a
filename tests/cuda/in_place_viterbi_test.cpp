// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <set>

#include <openquant/cuda/in_place_viterbi.hpp>

#include "cuda/block_search.hpp"

namespace {

using namespace openquant;
using cuda::in_place_viterbi, cuda::thread_order;

template <int B, int L>
inline constexpr auto shared_bytes = sizeof(typename in_place_viterbi<B, L, 256>::shared);
static_assert(shared_bytes<2, 16> == 131072 + 3 * 256 + 132);

template <int B, int L, index_t T>
void check() {
  CAPTURE(B);
  CAPTURE(L);
  const auto x = test::viterbi_targets<T>();
  for (const auto& value : {test::normal_values(L), test::tied_values(L)}) {
    const auto expected = test::scalar_symbols<B, L, T>(value, x);
    for (const auto order : {thread_order::ascending, thread_order::descending}) {
      CHECK(test::block_symbols<in_place_viterbi<B, L, T>, T>(value, x, order) == expected);
    }
  }
}

TEST_CASE("cuda::in_place_viterbi: the CPU's symbols, outliers and ties included") {
  check<1, 8, 64>();
  check<1, 11, 96>();
  check<2, 8, 256>();
  check<2, 11, 64>();
  check<2, 13, 64>();
  check<3, 9, 96>();
  check<3, 14, 32>();
  check<4, 9, 256>();
  check<4, 12, 64>();
}

TEST_CASE_TEMPLATE("cuda::in_place_viterbi: every state has a place of its own", S,
                   in_place_viterbi<2, 16, 256>, in_place_viterbi<3, 13, 256>) {
  for (int turned = 0; turned < 13; ++turned) {
    std::vector<bool> taken(S::states);
    for (std::uint32_t s = 0; s < S::states; ++s) taken[S::place(s, turned)] = true;
    CHECK(std::ranges::count(taken, true) == S::states);
  }
}

TEST_CASE(
    "cuda::in_place_viterbi: the states that a thread writes take the places of those it "
    "reads") {
  using S = in_place_viterbi<3, 16, 256>;
  for (int turned = 0; turned < 16; ++turned) {
    for (std::uint32_t p = 0; p < S::prefixes; p += 7) {
      for (std::uint32_t c = 0; c < 8; ++c) {
        CHECK(S::place(p << 3 | c, (turned + 3) % 16) == S::place(c << 13 | p, turned));
      }
    }
  }
}

TEST_CASE("cuda::in_place_viterbi: a warp's 32 neighbouring prefixes are in 32 banks") {
  using S = in_place_viterbi<2, 16, 256>;
  for (int turned = 0; turned < 16; ++turned) {
    for (std::uint32_t first = 0; first < S::states; first += 32) {
      std::set<std::uint32_t> banks;
      for (std::uint32_t s = first; s < first + 32; ++s) banks.insert(S::place(s, turned) / 2 % 32);
      CHECK(banks.size() == 32);
    }
  }
}

}  // namespace
