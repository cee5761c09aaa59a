// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/lattice/e8.hpp>
#include <openquant/layer/packed_codes.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

namespace {

using namespace openquant;

/// `rows` by `cols` fields of codes, `groups` scales a row; all zero; and the bytes.
template <class Q>
void check(index_t m, index_t n, index_t g, index_t rows, index_t cols, index_t groups) {
  CAPTURE(Q::name());
  const Q q{};
  const packed_codes packed = zero_codes(q, m, strip_shape<Q>{n, g});
  CHECK(packed.codes.rows() == rows);
  CHECK(packed.codes.cols() == cols);
  CHECK(packed.codes.width() == field_bits<Q>);
  CHECK(packed.scales.rows() == m);
  CHECK(packed.scales.cols() == groups);
  CHECK(packed.scales.width() == q.scale_bits());
  index_t set = 0;
  for (index_t i = 0; i < rows; ++i) {
    for (index_t j = 0; j < cols; ++j) set += packed.codes.get(i, j) != 0 ? 1 : 0;
  }
  CHECK(set == 0);
  constexpr index_t end = 8;  // of a table, so that a word can be read at its last byte
  CHECK(packed_bytes(q, m, strip_shape<Q>{n, g}) ==
        packed.codes.size_bytes() + packed.scales.size_bytes() + 2 * end);
}

TEST_CASE("packed_codes: points, blocks, fields and tiles") {
  check<quantizer::uniform<4>>(5, 100, 32, 5, 100, 4);
  check<quantizer::companded<lattice::e8, 3>>(5, 100, 32, 5, 13 * 8, 4);  // 12.5 blocks of 8 fields
  check<quantizer::leech_ball>(3, 48, 48, 3, 2 * code_fields<quantizer::leech_ball>, 1);
  using trellis = quantizer::trellis<2>;
  check<trellis>(17, 160, 128, 2, 160 / trellis::dim * code_fields<trellis>, 2);
}

TEST_CASE("packed_codes: equal where both tables are") {
  const quantizer::uniform<4> q;
  const strip_shape<quantizer::uniform<4>> shape{8, 8};
  const packed_codes zero = zero_codes(q, 2, shape);
  packed_codes code = zero, scale = zero;
  code.codes.set(1, 7, 1);
  scale.scales.set(1, 0, 1);
  CHECK(zero == zero_codes(q, 2, shape));
  CHECK(zero != code);
  CHECK(zero != scale);
}

}  // namespace
