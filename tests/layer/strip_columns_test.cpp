// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/lattice/e8.hpp>
#include <openquant/layer/strip_columns.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "layer/butterfly_quantizer.hpp"
#include "layer/lane_types.hpp"
#include "layer/pair_quantizer.hpp"
#include "layer/random_codes.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using namespace openquant::quantizer;

/// Stores what it is shown, (columns, 16) from row r on.
template <class T>
struct recorder {
  std::vector<float>& w;
  index_t r, done = 0;

  template <index_t column>
  void at(T weight) {
    store(weight, &w[static_cast<std::size_t>((done + column) * 16 + r)]);
  }
  void step(index_t columns) { done += columns; }
};

template <class T, class Q>
void check_columns(index_t m, const strip_shape<Q>& shape) {
  const Q q{};
  CAPTURE(Q::name());
  const packed_codes packed = random_codes(q, m, shape, 3);
  const matrix<float> expected = decoded(q, packed, shape);
  const layout::lanes<16>::codes<Q> codes(q, packed, shape);
  typename layout::lanes<16>::codes<Q>::workspace memory;
  index_t wrong = 0;
  for (index_t i = 0; i * 16 < m; ++i) {
    const strip_view<Q> strip = codes.strip(i, memory);
    for (index_t g = 0; g < shape.groups(); ++g) {
      for (index_t first = 0; first < shape.blocks_in(g); first += word_period<Q>) {
        const index_t blocks = shape.blocks_in(g) - first;
        std::vector<float> w(static_cast<std::size_t>(blocks * Q::dim * 16));
        for (index_t r = 0; r < 16; r += lane_count<T>) {
          scale_t<Q, T> s;
          for (index_t k = 0; k < Q::scale_fields; ++k) s[k] = load<T>(strip.scale(g, k) + r);
          recorder<T> use{w, r};
          for_each_column<T>(q, strip, g, r, first, blocks, s, use);
          CHECK(use.done == blocks * Q::dim);
        }
        const index_t j0 = g * shape.group_size + first * Q::dim;
        for (index_t j = j0; j < std::min(shape.cols, j0 + blocks * Q::dim); ++j) {
          for (index_t r = 0; r < std::min(index_t{16}, m - i * 16); ++r) {
            wrong += w[static_cast<std::size_t>((j - j0) * 16 + r)] != expected(i * 16 + r, j);
          }
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("strip_columns: points in lanes are the scalar decoder's", T, lane_1,
                   lane_baseline, lane_middle, lane_widest) {
  check_columns<T, uniform<1>>(35, {100, 70});
  check_columns<T, uniform<2>>(16, {48, 16});
  check_columns<T, uniform<3>>(33, {77, 33});
  check_columns<T, uniform<4>>(17, {70, 64});
  check_columns<T, uniform<5>>(5, {70, 70});
  check_columns<T, uniform<8>>(16, {21, 7});
  check_columns<T, lloyd_max<2>>(20, {70, 40});
  check_columns<T, lloyd_max<3>>(20, {70, 40});
  check_columns<T, lloyd_max<4>>(20, {70, 40});
  check_columns<T, lloyd_max<5>>(20, {70, 40});
  check_columns<T, lloyd_max<6>>(20, {70, 40});
  check_columns<T, pair_quantizer>(20, {21, 6});
}

TEST_CASE_TEMPLATE("strip_columns: codes of eight weights", T, lane_1, lane_baseline, lane_middle,
                   lane_widest) {
  check_columns<T, companded<lattice::e8, 1>>(20, {70, 40});
  check_columns<T, companded<lattice::e8, 2>>(20, {70, 40});
  check_columns<T, companded<lattice::e8, 3>>(20, {70, 40});
  check_columns<T, companded<lattice::e8, 4>>(20, {70, 40});
  check_columns<T, companded<lattice::e8, 5>>(20, {70, 40});
  check_columns<T, e8p<2>>(20, {70, 40});
  check_columns<T, e8p<3>>(20, {70, 40});
  check_columns<T, e8p<4>>(20, {70, 40});
}

TEST_CASE_TEMPLATE("strip_columns: tiles", T, lane_1, lane_baseline, lane_middle, lane_widest) {
  check_columns<T, butterfly_quantizer>(19, {10, 4});
  check_columns<T, trellis<1, 16, code::one_mad>>(20, {50, 32});
  check_columns<T, trellis<2, 16, code::one_mad>>(20, {50, 32});
  check_columns<T, trellis<3, 12, code::one_mad>>(20, {50, 32});
  check_columns<T, trellis<4, 16, code::one_mad>>(20, {50, 32});
  check_columns<T, trellis<2, 16, code::three_inst>>(20, {50, 32});
  check_columns<T, trellis<3, 20, code::three_inst>>(20, {50, 32});
  check_columns<T, trellis<2>>(20, {50, 32});
  check_columns<T, trellis<4, 8>>(20, {50, 32});
}

}  // namespace
