// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/lattice/e8.hpp>
#include <openquant/layer/strip_product.hpp>
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

/// Sum and sum of magnitudes of a(i) b(i).
template <class A, class B>
vec<double, 2> product(index_t n, const A& a, const B& b) {
  vec<double, 2> sum{};
  for (index_t i = 0; i < n; ++i) {
    const double term = static_cast<double>(a(i)) * static_cast<double>(b(i));
    sum = sum + vec<double, 2>{term, std::fabs(term)};
  }
  return sum;
}

/// Against the decoded matrix in double. A sum of n products in floats is wrong by at most n + 4
/// roundings of its terms' sizes.
template <class T, index_t tokens, class Q>
void check_product(index_t m, const strip_shape<Q>& shape) {
  const Q q{};
  CAPTURE(Q::name());
  CAPTURE(tokens);
  const packed_codes packed = random_codes(q, m, shape, 3);
  const matrix<float> w = decoded(q, packed, shape), sizes = term_sizes(q, packed, shape, w);
  const layout::lanes<16>::codes<Q> codes(q, packed, shape);
  typename layout::lanes<16>::codes<Q>::workspace memory;
  const index_t n = shape.padded_cols();
  matrix<float> x(n + 1, tokens), sums(shape.groups(), tokens);
  float* unaligned = x.data() + 1;  // an address off by one float
  for (index_t j = 0; j < shape.cols; ++j) {
    for (index_t t = 0; t < tokens; ++t) {
      const float value = random::normal(9, static_cast<std::uint64_t>(j * tokens + t));
      unaligned[j * tokens + t] = value;
    }
  }
  for (index_t t = 0; t < tokens; ++t) {
    for (index_t g = 0; g < shape.groups(); ++g) {
      double sum = 0;
      for (index_t j = g * shape.group_size; j < std::min(shape.cols, (g + 1) * shape.group_size);
           ++j) {
        sum += static_cast<double>(unaligned[j * tokens + t]);
      }
      sums(g, t) = static_cast<float>(sum);
    }
  }
  for (index_t i = 0; i * 16 < m; ++i) {
    float y[tokens * 16] = {};
    multiply_strip<T, tokens>(q, codes.strip(i, memory), unaligned, sums.data(), y);
    for (index_t r = 0; r < std::min(index_t{16}, m - i * 16); ++r) {
      for (index_t t = 0; t < tokens; ++t) {
        const vec<double, 2> expected = product(
            shape.cols, [&](index_t j) { return w(i * 16 + r, j); },
            [&](index_t j) { return unaligned[j * tokens + t]; });
        const vec<double, 2> size = product(
            shape.cols, [&](index_t j) { return sizes(i * 16 + r, j); },
            [&](index_t j) { return unaligned[j * tokens + t]; });
        const double bound = static_cast<double>(n + 4) * 0x1p-24 * size[1];
        CHECK(std::fabs(static_cast<double>(y[t * 16 + r]) - expected[0]) <= bound);
      }
    }
  }
}

template <class T, class Q>
void check_products(index_t m, const strip_shape<Q>& shape) {
  check_product<T, 1>(m, shape);
  check_product<T, 2>(m, shape);
  check_product<T, 4>(m, shape);
  check_product<T, 8>(m, shape);
}

TEST_CASE_TEMPLATE("strip_product: points", T, lane_1, lane_baseline, lane_middle, lane_widest) {
  check_products<T, uniform<2>>(20, {70, 40});
  check_products<T, uniform<3>>(33, {77, 33});
  check_products<T, uniform<4>>(17, {300, 128});
  check_products<T, uniform<8>>(3, {21, 7});
  check_products<T, lloyd_max<4>>(20, {70, 40});
  check_products<T, pair_quantizer>(20, {21, 6});
  check_products<T, companded<lattice::e8, 2>>(20, {70, 40});
  check_products<T, companded<lattice::e8, 4>>(20, {70, 40});
  check_products<T, e8p<2>>(20, {70, 40});
  check_products<T, e8p<4>>(20, {70, 40});
}

TEST_CASE_TEMPLATE("strip_product: tiles", T, lane_1, lane_baseline, lane_middle, lane_widest) {
  check_products<T, butterfly_quantizer>(19, {10, 4});
  check_products<T, trellis<2, 16, code::one_mad>>(20, {50, 32});
  check_products<T, trellis<2, 16, code::three_inst>>(20, {50, 32});
  check_products<T, trellis<2>>(20, {50, 32});
}

TEST_CASE_TEMPLATE("strip_product: a strip decodes to columns of any stride", T, lane_1,
                   lane_baseline, lane_middle, lane_widest) {
  using Q = lloyd_max<3>;
  const strip_shape<Q> shape{150, 100};
  const Q q{};
  const packed_codes packed = random_codes(q, 16, shape, 3);
  const matrix<float> w = decoded(q, packed, shape);
  const layout::lanes<16>::codes<Q> codes(q, packed, shape);
  layout::lanes<16>::codes<Q>::workspace memory;
  matrix<float> block(150, 32);
  decode_strip<T, 32>(q, codes.strip(0, memory), 0, 0, 96, block.data());
  decode_strip<T, 32>(q, codes.strip(0, memory), 0, 96, 4, block.row(96).data());
  decode_strip<T, 32>(q, codes.strip(0, memory), 1, 0, 50, block.row(100).data());
  for (index_t j = 0; j < 150; ++j) {
    for (index_t r = 0; r < 16; ++r) CHECK(block(j, r) == w(r, j));
    for (index_t r = 16; r < 32; ++r) CHECK(block(j, r) == 0);
  }
}

TEST_CASE_TEMPLATE("strip_product: a panel of decoded weights", T, lane_1, lane_baseline,
                   lane_middle, lane_widest) {
  for (const index_t cols : {0, 1, 7, 100}) {
    matrix<float> w(cols + 1, 32), x(cols + 1, 8), y(8, 32);
    const auto fill = [](matrix<float>& a, std::uint64_t seed) {
      for (index_t i = 0; i < a.rows() * a.cols(); ++i) {
        a.data()[i] = random::normal(seed, static_cast<std::uint64_t>(i));
      }
    };
    fill(w, 1), fill(x, 2), fill(y, 3);
    const matrix<float> before(y.view());
    multiply_panel<T, 32>(w.data() + 1, cols, x.data() + 3, y.data());
    for (index_t t = 0; t < 8; ++t) {
      for (index_t r = 0; r < 32; ++r) {
        const vec<double, 2> sum = product(
            cols, [&](index_t j) { return w.data()[1 + j * 32 + r]; },
            [&](index_t j) { return x.data()[3 + j * 8 + t]; });
        const auto start = static_cast<double>(before(t, r));
        const double bound = static_cast<double>(cols) * 0x1p-23 * (sum[1] + std::fabs(start));
        CHECK(std::fabs(static_cast<double>(y(t, r)) - (start + sum[0])) <= bound);
      }
    }
  }
}

}  // namespace
