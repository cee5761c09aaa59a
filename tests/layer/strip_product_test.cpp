// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <span>
#include <type_traits>

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

/// What a product takes and what it must give, whatever the quantizer.
struct product_case {
  matrix<float> w, sizes;  ///< decoded, and the sizes of its terms
  index_t padded_cols, group_size, groups;

  /// (padded_cols + 1, tokens), of which the first row is not used.
  matrix<float> inputs(index_t tokens) const {
    matrix<float> x(padded_cols + 1, tokens);
    for (index_t i = 0; i < w.cols() * tokens; ++i) {
      x.data()[1 + i] = random::normal(9, static_cast<std::uint64_t>(i));
    }
    return x;
  }
  matrix<float> sums(const float* x, index_t tokens) const {
    matrix<float> s(groups, tokens);
    for (index_t t = 0; t < tokens; ++t) {
      for (index_t g = 0; g < groups; ++g) {
        double sum = 0;
        for (index_t j = g * group_size; j < std::min(w.cols(), (g + 1) * group_size); ++j) {
          sum += static_cast<double>(x[j * tokens + t]);
        }
        s(g, t) = static_cast<float>(sum);
      }
    }
    return s;
  }
  /// Strip i against the decoded matrix in double. A sum of n products in floats is wrong by at
  /// most n + 4 roundings of its terms' sizes.
  void check(index_t i, std::span<const float> y, const float* x, index_t tokens) const {
    for (index_t r = 0; r < std::min(index_t{16}, w.rows() - i * 16); ++r) {
      for (index_t t = 0; t < tokens; ++t) {
        const auto value = [&](index_t j) { return x[j * tokens + t]; };
        const auto weight = [&](index_t j) { return w(i * 16 + r, j); };
        const auto size = [&](index_t j) { return sizes(i * 16 + r, j); };
        const double sum = static_cast<double>(y[static_cast<std::size_t>(t * 16 + r)]);
        const double bound =
            static_cast<double>(padded_cols + 4) * 0x1p-24 * product(w.cols(), size, value)[1];
        CHECK(std::fabs(sum - product(w.cols(), weight, value)[0]) <= bound);
      }
    }
  }
};

template <class T, class Q, index_t... tokens>
void check_products(index_t m, const strip_shape<Q>& shape) {
  const Q q{};
  CAPTURE(Q::name());
  const packed_codes packed = random_codes(q, m, shape, 3);
  const layout::lanes<16>::codes<Q> codes(q, packed, shape);
  const matrix<float> w = decoded(q, packed, shape);
  const product_case expected{w, term_sizes(q, packed, shape, w), shape.padded_cols(),
                              shape.group_size, shape.groups()};
  const auto check = [&]<index_t n>(std::integral_constant<index_t, n>) {
    const matrix<float> all = expected.inputs(n);
    const float* const x = all.data() + 1;  // an address off by one float
    const matrix<float> sums = expected.sums(x, n);
    typename layout::lanes<16>::codes<Q>::workspace memory;
    for (index_t i = 0; i * 16 < m; ++i) {
      float y[n * 16] = {};
      multiply_strip<T, n>(q, codes.strip(i, memory), x, sums.data(), y);
      expected.check(i, y, x, n);
    }
  };
  (check(std::integral_constant<index_t, tokens>{}), ...);
}

TEST_CASE_TEMPLATE("strip_product: any number of tokens", T, lane_1, lane_baseline, lane_middle,
                   lane_widest) {
  check_products<T, uniform<4>, 1, 2, 4, 8>(17, {300, 128});
  check_products<T, companded<lattice::e8, 2>, 1, 2, 4, 8>(20, {70, 40});
  check_products<T, trellis<2>, 1, 2, 4, 8>(20, {50, 32});
}

TEST_CASE_TEMPLATE("strip_product: points", T, lane_1, lane_baseline, lane_middle, lane_widest) {
  check_products<T, uniform<2>, 1, 8>(20, {70, 40});
  check_products<T, uniform<3>, 1, 8>(33, {77, 33});
  check_products<T, uniform<8>, 1, 8>(3, {21, 7});
  check_products<T, lloyd_max<4>, 1, 8>(20, {70, 40});
  check_products<T, pair_quantizer, 1, 8>(20, {21, 6});
  check_products<T, companded<lattice::e8, 4>, 1, 8>(20, {70, 40});
  check_products<T, e8p<2>, 1, 8>(20, {70, 40});
  check_products<T, e8p<4>, 1, 8>(20, {70, 40});
}

TEST_CASE_TEMPLATE("strip_product: tiles", T, lane_1, lane_baseline, lane_middle, lane_widest) {
  check_products<T, butterfly_quantizer, 1, 8>(19, {10, 4});
  check_products<T, trellis<2, 16, code::one_mad>, 1, 8>(20, {50, 32});
  check_products<T, trellis<2, 16, code::three_inst>, 1, 8>(20, {50, 32});
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
