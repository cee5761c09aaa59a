// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/buffered_viterbi.hpp>

#include "cuda/block_search.hpp"

namespace {

using namespace openquant;
using cuda::buffered_viterbi, cuda::thread_order;

static_assert(buffered_viterbi<2, 12, 256>::fits && buffered_viterbi<4, 12, 256>::fits);
static_assert(!buffered_viterbi<2, 13, 256>::fits && !buffered_viterbi<2, 16, 256>::fits);
static_assert(!buffered_viterbi<2, 6, 256>::fits);
static_assert(sizeof(buffered_viterbi<2, 12, 256>::shared) < 89 * 1024);

template <int B, int L, index_t T>
void check() {
  const auto x = test::viterbi_targets<T>();
  for (const auto& value : {test::normal_values(L), test::tied_values(L)}) {
    const auto expected = test::scalar_symbols<B, L, T>(value, x);
    for (const auto order : {thread_order::ascending, thread_order::descending}) {
      CHECK(test::block_symbols<buffered_viterbi<B, L, T>, T>(value, x, order) == expected);
    }
  }
}

TEST_CASE("cuda::buffered_viterbi: the CPU's symbols, outliers and ties included") {
  check<1, 6, 64>();
  check<2, 7, 256>();
  check<2, 10, 64>();
  check<3, 9, 96>();
  check<4, 10, 256>();
}

}  // namespace
