// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/lattice/e8.hpp>
#include <openquant/layer/nibble_product.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "layer/lane_types.hpp"
#include "layer/random_codes.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using namespace openquant::quantizer;

std::vector<float> token(index_t n) {
  std::vector<float> x;
  for (index_t j = 0; j < n; ++j) x.push_back(random::normal(9, static_cast<std::uint64_t>(j)));
  return x;
}

/// All strips of a matrix against the decoded matrix in double, on top of what y was before. A sum
/// of n products in floats is wrong by at most n + 8 roundings of its terms' sizes.
template <class T, class Q>
void check_product(index_t m, const strip_shape<Q>& shape) {
  const Q q{};
  CAPTURE(Q::name());
  const packed_codes packed = random_codes(q, m, shape, 3);
  const matrix<float> w = decoded(q, packed, shape), sizes = term_sizes(q, packed, shape, w);
  const layout::lanes<16>::codes<Q> codes(q, packed, shape);
  typename layout::lanes<16>::codes<Q>::workspace memory;
  std::vector<strip_view<Q>> strips;
  for (index_t i = 0; i * 16 < m; ++i) strips.push_back(codes.strip(i, memory));
  const std::vector<float> x = token(shape.cols);
  std::vector<float> y(strips.size() * 16 + 1, 0.5f);
  const nibble_tables<T, Q> tables(q, x, shape);
  multiply_nibbles<T>(std::span<const strip_view<Q>>(strips), tables, y.data() + 1);
  double worst = 0;
  for (index_t i = 0; i < m; ++i) {
    double sum = 0.5, size = 0.5;
    for (index_t j = 0; j < shape.cols; ++j) {
      const auto value = static_cast<double>(x[static_cast<std::size_t>(j)]);
      sum += static_cast<double>(w(i, j)) * value;
      size += static_cast<double>(sizes(i, j)) * std::fabs(value);
    }
    const double bound = static_cast<double>(shape.cols + 8) * 0x1p-24 * size;
    const auto found = static_cast<double>(y[static_cast<std::size_t>(i + 1)]);
    worst = test::worst(worst, std::fabs(found - sum) / bound);
  }
  CHECK(worst <= 1);
  CHECK(y[0] == 0.5f);
}

TEST_CASE_TEMPLATE("nibble_product: codes of one or two bits", T, lane_1, lane_baseline,
                   lane_middle, lane_widest) {
  check_product<T, uniform<1>>(35, {100, 70});
  check_product<T, uniform<1>>(16, {1100, 1100});
  check_product<T, uniform<2>>(20, {71, 40});
  check_product<T, uniform<2>>(128, {300, 128});
  check_product<T, uniform<2>>(17, {600, 600});
  check_product<T, lloyd_max<1>>(20, {7, 3});
  check_product<T, lloyd_max<2>>(5, {77, 33});
  check_product<T, lloyd_max<2>>(33, {1030, 32});
}

TEST_CASE_TEMPLATE("nibble_product: codes of eight weights, and of four and of sixteen", T, lane_1,
                   lane_baseline, lane_middle, lane_widest) {
  check_product<T, companded<lattice::e8, 1>>(20, {70, 40});
  check_product<T, companded<lattice::e8, 2>>(35, {70, 40});
  check_product<T, companded<lattice::e8, 2>>(17, {600, 600});
  check_product<T, companded<lattice::d_plus<4>, 2>>(17, {70, 20});
  check_product<T, companded<lattice::d_plus<16>, 2>>(17, {70, 32});
}

TEST_CASE("nibble_product: only what four bits decide") {
  CHECK(NibbleQuantizer<uniform<2>>);
  CHECK(NibbleQuantizer<companded<lattice::e8, 2>>);
  CHECK(!NibbleQuantizer<uniform<3>>);
  CHECK(!NibbleQuantizer<uniform<4>>);
  CHECK(!NibbleQuantizer<companded<lattice::e8, 4>>);
  CHECK(!NibbleQuantizer<companded<lattice::e8, 2, half_coset::median>>);  // not symmetric
  CHECK(!NibbleQuantizer<companded<lattice::d_plus<12>, 2>>);              // not in whole words
}

TEST_CASE_TEMPLATE("nibble_product: a table holds the sums of its columns", T, lane_1,
                   lane_baseline, lane_middle, lane_widest) {
  using Q = uniform<2>;
  const Q q{};
  const std::vector<float> x{1, 2, 4, 8, 16};  // groups of 3
  const nibble_tables<T, Q> tables(q, x, {5, 3});
  CHECK(tables.group_words() == 1);
  for (index_t i = 0; i < 16; ++i) {
    const auto low = static_cast<float>(i % 4), high = static_cast<float>(i / 4);
    CHECK(tables.word(0, 0)[i] == low + 2 * high);
    CHECK(tables.word(0, 0)[16 + i] == 4 * low);
    CHECK(tables.word(0, 0)[32 + i] == 0);
    CHECK(tables.word(1, 0)[i] == 8 * low + 16 * high);
  }
  CHECK(tables.sum(0) == 7);
  CHECK(tables.sum(1) == 24);
}

TEST_CASE("nibble_product: sums of any length") {
  for (const index_t n : {0, 1, 7, 8, 9, 100}) {
    const std::vector<float> x = token(n);
    double sum = 0;
    for (const float value : x) sum += static_cast<double>(value);
    CHECK(sum_of(x) == doctest::Approx(sum).epsilon(1e-12));
  }
}

}  // namespace
