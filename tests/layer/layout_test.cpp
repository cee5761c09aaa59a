// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>

#include <openquant/quantizer/uniform.hpp>

#include "layer/butterfly_quantizer.hpp"
#include "layer/random_codes.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;

template <class Q>
void check_layouts(index_t m, const strip_shape<Q>& shape) {
  const Q q{};
  const packed_codes packed = random_codes(q, m, shape, 1);
  const layout::rows::codes<Q> archive(q, packed, shape);
  const layout::lanes<16>::codes<Q> lanes(q, packed, shape);
  typename layout::rows::codes<Q>::workspace memory;
  typename layout::lanes<16>::codes<Q>::workspace none;
  for (const index_t i : {(m - 1) / 16, index_t{0}, (m - 1) / 16}) {
    const auto a = archive.strip(i, memory), b = lanes.strip(i, none);
    CHECK(std::equal(a.words, a.words + shape.words(), b.words));
    CHECK(std::equal(a.scales, a.scales + shape.scales(), b.scales));
    CHECK(reinterpret_cast<std::uintptr_t>(b.words) % 64 == 0);
  }
  CHECK(lanes.size_bytes() == (m + 15) / 16 * 4 * (shape.words() + shape.scales()));
}

TEST_CASE("layout: rows and lanes show the same strips") {
  check_layouts<quantizer::uniform<4>>(35, {200, 128});
  check_layouts<quantizer::uniform<3>>(16, {33, 10});
  check_layouts<butterfly_quantizer>(50, {10, 3});
}

}  // namespace
