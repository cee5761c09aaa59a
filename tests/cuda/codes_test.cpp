// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <vector>

#include <openquant/cuda/codes.hpp>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "cuda/host_codes.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using cuda::code_run, cuda::DeviceQuantizer, cuda::table_entry, cuda::shared_table;

static_assert(DeviceQuantizer<uniform<4>> && DeviceQuantizer<e8p<3>> &&
              DeviceQuantizer<trellis<2>>);
static_assert(!DeviceQuantizer<int>);

template <class Q>
constexpr bool is_run(bool whole_words, index_t blocks, index_t words) {
  using run = code_run<Q>;
  return run::whole_words == whole_words && run::blocks == blocks && run::words == words &&
         run::cols == blocks * Q::dim;
}
static_assert(is_run<uniform<4>>(true, 8, 1));
static_assert(is_run<uniform<3>>(true, 32, 3));
static_assert(is_run<uniform<8>>(true, 4, 1));
static_assert(is_run<e8p<2>>(true, 2, 1));
static_assert(is_run<e8p<3>>(true, 4, 3));
static_assert(is_run<companded<lattice::d_plus<12>, 3>>(false, 1, 3));
static_assert(is_run<voronoi<lattice::e8, 14>>(false, 1, 2));  // 33 bits
static_assert(is_run<trellis<2>>(false, 1, 16));

static_assert(std::is_same_v<table_entry<lloyd_max<3>>, float>);
static_assert(sizeof(table_entry<e8p<2>>) == 2);
static_assert(shared_table<trellis<2, 12>>::size == 4096 &&
              shared_table<trellis<2, 16>>::size == 0);
static_assert(table_size<uniform<4>> == 0 && table_size<trellis<2, 16, code::one_mad>> == 0);

TEST_CASE("cuda::codes: runs of a group, the last in part") {
  const strip_shape<uniform<4>> shape{100, 20};
  CHECK(code_run<uniform<4>>::in_group(shape) == 3);
  CHECK(code_run<uniform<4>>::in_group({100, 16}) == 2);
}

TEST_CASE("cuda::codes: a thread's scales are those of its rows") {
  const test::host_codes<uniform<4>> codes(37, {100, 20});
  const auto view = codes.view(1);
  CHECK(view.strips() == 3);
  for (const index_t strip : {0, 1, 2}) {
    for (index_t g = 0; g < 5; ++g) {
      for (index_t quad = 0; quad < 4; ++quad) {
        const auto s = cuda::load_scales(view, strip, g, quad);
        for (index_t i = 0; i < 4; ++i) {
          const index_t row = strip * 16 + quad * 4 + i;
          const auto expected = row < 37 ? codes.q.unpack(codes.packed.scales.get(row, g))
                                         : vec<float, 2>{0.0f, 0.0f};
          CHECK(s[i][0] == expected[0]);
          CHECK(s[i][1] == expected[1]);
        }
      }
    }
  }
}

TEST_CASE("cuda::codes: integer levels are the codes") {
  const test::host_codes<uniform<3>> codes(16, {70, 40});
  const auto view = codes.view(1);
  int seen = 0;
  for (index_t g = 0; g < 2; ++g) {
    for (index_t u = 0; u < 2; ++u) {
      for (index_t quad = 0; quad < 4; ++quad) {
        cuda::decode_run<true>(view, view.table, 0, g, u, quad, {},
                               [&](index_t k, const vec<float, 4>& level) {
                                 const index_t in_group = u * 32 + k, col = g * 40 + in_group;
                                 if (in_group >= 40 || col >= 70) return;
                                 for (index_t i = 0; i < 4; ++i) {
                                   const auto c = codes.packed.codes.get(quad * 4 + i, col);
                                   CHECK(level[i] == static_cast<float>(c));
                                   ++seen;
                                 }
                               });
      }
    }
  }
  CHECK(seen == 16 * 70);
}

TEST_CASE("cuda::codes: a block's copy of a table, and a table too large for one") {
  const test::host_codes<lloyd_max<3>> small(16, {32, 32});
  const auto view = small.view(1);
  shared_table<lloyd_max<3>> copy{};
  const cuda::host_block block(32, 0, cuda::thread_order::descending);
  cuda::load_table(block, 32, view, copy);
  CHECK(cuda::table_of(view, copy) == copy.entry);
  for (index_t i = 0; i < table_size<lloyd_max<3>>; ++i) CHECK(copy.entry[i] == view.table[i]);

  using large = trellis<2, 16>;
  const test::host_codes<large> other(16, {32, 32});
  shared_table<large> none{};
  cuda::load_table(block, 32, other.view(1), none);
  CHECK(cuda::table_of(other.view(1), none) == other.table.data());
}

}  // namespace
