// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/lattice/e8.hpp>
#include <openquant/layer/multiply.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "layer/butterfly_quantizer.hpp"
#include "layer/pair_quantizer.hpp"
#include "layer/random_codes.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using namespace openquant::quantizer;

matrix<float> activations(index_t tokens, index_t n) {
  matrix<float> x(tokens, n);
  for (index_t i = 0; i < tokens * n; ++i) {
    x.data()[i] = random::normal(4, static_cast<std::uint64_t>(i));
  }
  return x;
}

TEST_CASE("multiply: blocks of tokens are as wide as the tokens, at most 8") {
  const index_t widths[] = {1, 1, 2, 4, 4, 8, 8, 8, 8, 8};
  for (index_t tokens = 0; tokens < 10; ++tokens) {
    const matrix<float> x = activations(tokens, 5);
    const token_blocks blocks(x, 6, 3);
    CHECK(blocks.tokens() == tokens);
    CHECK(blocks.width() == widths[tokens]);
    CHECK(blocks.blocks() == (tokens + widths[tokens] - 1) / widths[tokens]);
    for (index_t t = 0; t < blocks.blocks() * blocks.width(); ++t) {
      const index_t width = blocks.width();
      const float* values = blocks.values(t / width) + t % width;
      for (index_t j = 0; j < 6; ++j) {
        CHECK(values[j * width] == (t < tokens && j < 5 ? x(t, j) : 0.0f));
      }
      const float* sums = blocks.sums(t / width) + t % width;
      const bool real = t < tokens;
      CHECK(sums[0] ==
            doctest::Approx(static_cast<double>(real ? x(t, 0) + x(t, 1) + x(t, 2) : 0.0f)));
      CHECK(sums[width] == doctest::Approx(static_cast<double>(real ? x(t, 3) + x(t, 4) : 0.0f)));
    }
  }
}

/// Both layouts on every kind of batch, against the decoded matrix in double; y is a window of a
/// larger matrix, of which nothing else changes.
template <class Arch, class Q>
void check_multiply(index_t m, const strip_shape<Q>& shape) {
  const Q q{};
  CAPTURE(Q::name());
  const index_t n = shape.cols;
  const float unit = 0.25f;
  const packed_codes packed = random_codes(q, m, shape, 3);
  const matrix<float> w = decoded(q, packed, shape), sizes = term_sizes(q, packed, shape, w);
  const layout::lanes<16>::codes<Q> codes(q, packed, shape);
  const layout::rows::codes<Q> archive(q, packed, shape);
  for (const index_t tokens : {0, 1, 2, 3, 7, 8, 9, 24, 65, 70}) {
    CAPTURE(tokens);
    const matrix<float> x = activations(tokens, n);
    matrix<float> whole(tokens + 2, m + 5), slow(tokens, m);
    const auto y = whole.view().block(1, 2, tokens, m);
    multiply_codes<Arch>(q, codes, shape, x, unit, y, serial{});
    multiply_codes<Arch>(q, archive, shape, x, unit, slow.view(), serial{});
    CHECK(matrix<float>(matrix_view<const float>(y)) == slow);
    double worst = 0;
    for (index_t t = 0; t < tokens; ++t) {
      for (index_t i = 0; i < m; ++i) {
        double sum = 0, size = 0;
        for (index_t j = 0; j < n; ++j) {
          const auto value = static_cast<double>(unit * x(t, j));
          sum += static_cast<double>(w(i, j)) * value;
          size += static_cast<double>(sizes(i, j)) * std::fabs(value);
        }
        const double bound = static_cast<double>(n + 16) * 0x1p-24 * size;
        worst = test::worst(worst, std::fabs(static_cast<double>(y(t, i)) - sum) / bound);
      }
    }
    CHECK(worst <= 1);
    double outside = 0;
    for (index_t t = 0; t < tokens + 2; ++t) {
      for (index_t i = 0; i < m + 5; ++i) {
        const bool inside = t >= 1 && t <= tokens && i >= 2 && i < m + 2;
        if (!inside) outside += static_cast<double>(std::fabs(whole(t, i)));
      }
    }
    CHECK(outside == 0);
    matrix<float> spread(tokens, m);
    multiply_codes<Arch>(q, codes, shape, x, unit, spread.view(), threads{3});
    CHECK(spread == slow);
  }
}

TEST_CASE_TEMPLATE("multiply: any quantizer, any batch, ragged sizes", Arch, baseline_arch,
                   default_arch) {
  check_multiply<Arch, uniform<4>>(150, {140, 128});
  check_multiply<Arch, uniform<3>>(17, {77, 33});
  check_multiply<Arch, uniform<2>>(150, {300, 128});
  check_multiply<Arch, lloyd_max<2>>(33, {100, 100});
  check_multiply<Arch, companded<lattice::e8, 2>>(150, {70, 40});
  check_multiply<Arch, pair_quantizer>(20, {21, 6});
  check_multiply<Arch, e8p<2>>(40, {70, 40});
  check_multiply<Arch, butterfly_quantizer>(19, {10, 4});
  check_multiply<Arch, trellis<2, 16, code::one_mad>>(20, {50, 32});
}

TEST_CASE_TEMPLATE("multiply: more columns than are decoded at a time", Arch, baseline_arch,
                   default_arch) {
  check_multiply<Arch, uniform<3>>(35, {600, 600});
  check_multiply<Arch, pair_quantizer>(35, {601, 602});
}

TEST_CASE_TEMPLATE("multiply: decoded codes are the scalar decoder's, times the unit", Arch,
                   baseline_arch, default_arch) {
  using Q = uniform<5>;
  const Q q{};
  const strip_shape<Q> shape{70, 33};
  const packed_codes packed = random_codes(q, 35, shape, 3);
  const matrix<float> expected = decoded(q, packed, shape);
  matrix<float> w(35, 70);
  decode_codes<Arch>(q, layout::rows::codes<Q>(q, packed, shape), shape, 0.5f, w.view());
  for (index_t i = 0; i < 35 * 70; ++i) CHECK(w.data()[i] == 0.5f * expected.data()[i]);
}

}  // namespace
