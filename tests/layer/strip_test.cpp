// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/layer/strip.hpp>
#include <openquant/quantizer/code/latin.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "layer/butterfly_quantizer.hpp"
#include "layer/lane_types.hpp"
#include "layer/pair_quantizer.hpp"
#include "layer/random_codes.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using quantizer::uniform;

/// A field of every width at every offset into three words, against the bits themselves.
template <class T, int bits = 1>
void check_fields() {
  constexpr index_t stride = 16;
  std::int32_t words[4 * stride];
  for (std::uint64_t i = 0; i < 4 * stride; ++i) {
    words[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(random::bits(bits, i)));
  }
  for (index_t bit = 0; bit + bits <= 96; ++bit) {
    std::int32_t field[lane_count<T>], low[lane_count<T>];
    store(field_at<T, bits>(words, stride, bit), field);
    store(field_at<T, bits, false>(words, stride, bit), low);
    for (index_t r = 0; r < lane_count<T>; ++r) {
      std::int32_t expected = 0;
      for (index_t k = 0; k < bits; ++k) {
        const index_t at = bit + k;
        expected |= (words[at / 32 * stride + r] >> (at % 32) & 1) << k;
      }
      CHECK(field[r] == expected);
      CHECK((low[r] & static_cast<std::int32_t>((1u << bits) - 1)) == expected);
    }
  }
  if constexpr (bits < 31) check_fields<T, bits + 1>();
}

TEST_CASE_TEMPLATE("strip: fields of every width at every offset", T, lane_1, lane_baseline,
                   lane_middle, lane_widest) {
  check_fields<T>();
}

/// Every field and scale of every strip is the archive's; rows that are not there are zeros.
template <class Q>
void check_strips(index_t m, const strip_shape<Q>& shape) {
  const Q q{};
  constexpr index_t strings = strip_shape<Q>::strings;
  const packed_codes packed = random_codes(q, m, shape, 5);
  std::vector<std::int32_t> words(static_cast<std::size_t>(shape.words()), -1);
  std::vector<float> scales(static_cast<std::size_t>(shape.scales()), -1.0f);
  for (index_t i = 0; i * 16 < m; ++i) {
    write_strip(q, packed.codes, packed.scales, shape, i, words, scales);
    const strip_view<Q> strip{shape, words.data(), scales.data()};
    for (index_t g = 0; g < shape.groups(); ++g) {
      const index_t fields = shape.blocks_in(g) * code_fields<Q>;
      for (index_t r = 0; r < strings; ++r) {
        const index_t row = i * strings + r;
        for (index_t f = 0; f < fields; ++f) {
          const index_t j = g * shape.group_blocks() * code_fields<Q> + f;
          const std::uint64_t expected = row < packed.codes.rows() ? packed.codes.get(row, j) : 0;
          CHECK(static_cast<std::uint64_t>(field_at<float, field_bits<Q>>(
                    strip.group(g) + r, strings, f * field_bits<Q>)) == expected);
        }
        // What lies above the last field of a group is zero.
        const index_t last = shape.words_of(shape.blocks_in(g)) / strings - 1;
        const index_t used = fields * field_bits<Q> - 32 * last;
        const auto word = static_cast<std::uint32_t>(strip.group(g)[last * strings + r]);
        CHECK((used == 32 || word >> used == 0));
      }
      for (index_t r = 0; r < 16; ++r) {
        for (index_t k = 0; k < Q::scale_fields; ++k) {
          const index_t row = i * 16 + r;
          CHECK(strip.scale(g, k)[r] == (row < m ? q.unpack(packed.scales.get(row, g))[k] : 0.0f));
        }
      }
    }
  }
}

/// What is written and read is what was there.
template <class Q>
void check_read(index_t m, const strip_shape<Q>& shape) {
  CAPTURE(Q::name());
  const Q q{};
  const packed_codes packed = random_codes(q, m, shape, 5);
  packed_codes back = zero_codes(q, m, shape);
  std::vector<std::int32_t> words(static_cast<std::size_t>(shape.words()));
  std::vector<float> scales(static_cast<std::size_t>(shape.scales()));
  for (index_t i = 0; i * 16 < m; ++i) {
    write_strip(q, packed.codes, packed.scales, shape, i, words, scales);
    read_strip(q, shape, i, words, scales, back.codes, back.scales);
  }
  CHECK(back == packed);
}

TEST_CASE("strip: holds the archive's fields and scales") {
  check_strips<uniform<1>>(35, {70, 33});
  check_strips<uniform<3>>(17, {70, 16});
  check_strips<uniform<4>>(16, {256, 128});
  check_strips<uniform<7>>(1, {33, 40});
  check_strips<pair_quantizer>(20, {21, 6});
  check_strips<butterfly_quantizer>(19, {10, 4});
}

TEST_CASE("strip: the archive again from strips") {
  check_read<uniform<3>>(17, {70, 16});
  check_read<uniform<7>>(1, {33, 40});
  check_read<pair_quantizer>(20, {21, 6});
  check_read<quantizer::trellis<1, 9, quantizer::code::one_mad>>(35, {70, 32});
  check_read<quantizer::trellis<2, 8>>(16, {128, 128});
  check_read<quantizer::trellis<3, 8>>(20, {48, 16});
  check_read<quantizer::trellis<4, 8>>(33, {33, 48});
}

TEST_CASE("strip: groups of 128 columns are whole words, others are filled up") {
  CHECK(strip_shape<uniform<3>>{256, 128}.words() == 256 * 3 / 32 * 16);
  CHECK(strip_shape<uniform<3>>{10, 5}.words() == 2 * 16);
  CHECK(strip_shape<uniform<3>>{10, 5}.scales() == 2 * 2 * 16);
  // 8 strings of 2 rows.
  CHECK(strip_shape<butterfly_quantizer>{8, 4}.words() == 2 * 8);
}

}  // namespace
