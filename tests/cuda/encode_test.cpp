// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/encode.hpp>
#include <openquant/cuda/fit.hpp>
#include <openquant/equalizer/identity.hpp>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/layer/round_to_nearest.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>
#include <openquant/rotation/identity.hpp>

#include "cuda/scalar_codes.hpp"
#include "layer/pair_quantizer.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

/// Scales as the CPU writes them, words by the kernel; rows of w a few columns apart.
template <class Q>
void check(const Q& q, index_t m, const strip_shape<Q>& shape, bool weighted) {
  CAPTURE(Q::name());
  CAPTURE(m);
  const auto w = test::encoder_weights(m, shape);
  const auto h = weighted ? test::encoder_importance(shape) : std::vector<float>{};
  test::host_strips<Q> expected(q, test::scalar_codes(q, w, h, shape), shape);
  test::host_strips<Q> strips(m, shape);
  matrix<float> apart(m, w.cols() + 3);
  for (index_t i = 0; i < m; ++i) std::ranges::copy(w.row(i), &apart(i, 1));
  const auto kernel =
      cuda::make_encode_kernel<Q>(q, shape, test::on_device(apart).block(0, 1, m, w.cols()),
                                  expected.device_scales(), strips.device_words());
  cuda::run_on_host(kernel, kernel.grid());
  CHECK(strips.words == expected.words);
}

template <class Q>
void check(const Q& q = {}) {
  const index_t d = Q::dim;
  check<Q>(q, 16, {16 * d, 8 * d}, false);
  check<Q>(q, 37, {19 * d - d / 2, 7 * d}, true);
  check<Q>(q, 5, {70 * d, 70 * d}, false);
}

TEST_CASE_TEMPLATE("cuda::encode: the scalar template's codes", Q, uniform<1>, uniform<3>,
                   uniform<4>, uniform<5>, uniform<8>, lloyd_max<2>, lloyd_max<3>, lloyd_max<6>,
                   test::pair_quantizer) {
  check<Q>();
}

TEST_CASE("cuda::encode: lattices") {
  check<companded<lattice::e8, 2>>();
  check<companded<lattice::d_plus<12>, 3>>({.fit_by = gaussian_fit::norm});
  check<e8p<2>>({.fit_by = gaussian_fit::norm});
  check<e8p<3>>({.fit_by = gaussian_fit::norm});
  check<e8p<4>>({.fit_by = gaussian_fit::none});
  check<voronoi<lattice::e8, 14>>({.fit_by = gaussian_fit::norm});
  check<voronoi<lattice::e8, 13>>({.fit_by = gaussian_fit::norm});
}

/// A row with outliers among few: there the ball searches every class.
TEST_CASE_TEMPLATE("cuda::encode: the Leech lattice", Q, leech_ball, voronoi<lattice::leech, 14>) {
  check<Q>({.fit_by = gaussian_fit::norm}, 16, {96, 48}, false);
  check<Q>({.fit_by = gaussian_fit::norm}, 5, {230, 120}, true);
}

TEST_CASE("cuda::encode: after fit, what round_to_nearest stores") {
  using Q = uniform<4>;
  matrix<float> w(40, 100);
  for (index_t i = 0; i < 40 * 100; ++i) {
    w.data()[i] = 0.01f * random::normal(5, static_cast<std::uint64_t>(i));
  }
  const auto q = round_to_nearest<Q>{.options = {.group_size = 32}}.quantize(w);
  const strip_shape<Q> shape{100, q.group_size()};
  test::host_strips<Q> expected(q.quantizer(), q.packed(), shape), strips(40, shape);
  for (index_t i = 0; i < 40 * 100; ++i) w.data()[i] /= q.unit();
  const auto fit =
      cuda::make_fit_kernel(q.quantizer(), shape, test::on_device(w), {}, strips.device_scales());
  cuda::run_on_host(fit, fit.grid());
  const auto encode = cuda::make_encode_kernel<Q>(q.quantizer(), shape, test::on_device(w),
                                                  strips.device_scales(), strips.device_words());
  cuda::run_on_host(encode, encode.grid());
  CHECK(strips.scales == expected.scales);
  CHECK(strips.words == expected.words);
}

TEST_CASE("cuda::encode: code by code, as a panel does, from weights at a stride") {
  using Q = uniform<3>;
  const Q q{};
  const scale_t<Q> s{0.25f, 4.0f};
  matrix<float> w(50, 2);  // column 1 is the row
  std::int32_t at_once[10] = {}, one_by_one[10] = {};
  for (index_t j = 0; j < 50; ++j) w(j, 1) = random::normal(6, static_cast<std::uint64_t>(j));
  cuda::encode_blocks(q, &w(0, 1), 2, 50, s, at_once, 2);
  cuda::code_writer<Q> writer(one_by_one, 2);
  for (index_t j = 0; j < 50; ++j) writer.put(cuda::encode_at(q, &w(j, 1), 2, s));
  writer.finish();
  for (index_t k = 0; k < 10; ++k) CHECK(at_once[k] == one_by_one[k]);
  for (index_t j = 0; j < 50; ++j) {
    std::int32_t words[5];
    for (index_t k = 0; k < 5; ++k) words[k] = one_by_one[2 * k];
    CHECK((field_at<float, 3>(words, 1, 3 * j) == q.encode(vec<float, 1>{w(j, 1)}, s)));
  }
}

TEST_CASE("cuda::encode: a writer goes on where another has stopped") {
  using Q = uniform<5>;
  std::int32_t whole[8] = {}, parts[8] = {};
  const auto code = [](index_t j) { return static_cast<std::int32_t>(j * 7 % 32); };
  cuda::code_writer<Q> writer(whole, 1);
  for (index_t j = 0; j < 50; ++j) writer.put(code(j));
  writer.finish();
  for (index_t split = 0; split <= 50; ++split) {
    std::fill_n(parts, 8, -1);  // what lies behind is overwritten
    for (const auto& [first, end] : {std::pair{index_t{0}, split}, std::pair{split, index_t{50}}}) {
      cuda::code_writer<Q> part(parts, 1, 5 * first);
      for (index_t j = first; j < end; ++j) part.put(code(j));
      part.finish();
    }
    for (index_t k = 0; k < 8; ++k) CHECK(parts[k] == whole[k]);
  }
  std::int32_t apart[24] = {};  // each code by itself, in another order
  for (index_t i = 0, j = 0; i < 50; ++i, j = (j + 17) % 50) {
    cuda::put_code<Q>(apart, 3, 5 * j, code(j));
  }
  for (index_t k = 0; k < 8; ++k) CHECK(apart[3 * k] == whole[k]);
}

TEST_CASE("cuda::encode: refuses other shapes") {
  using Q = uniform<4>;
  const strip_shape<Q> shape{20, 10};
  matrix<float> w(17, 20);
  test::host_strips<Q> strips(17, shape), fewer(16, shape);
  CHECK_THROWS_WITH_AS(
      cuda::make_encode_kernel<Q>(Q{}, shape, test::on_device(w), strips.device_scales(),
                                  fewer.device_words()),
      "cuda: encode by uniform<4> of w (17, 20) of 20 columns in groups of 10 under scales (2, 64) "
      "to words (1, 64)",
      error);
  CHECK_THROWS_AS(cuda::make_encode_kernel<Q>(Q{}, shape, test::on_device(w), fewer.device_scales(),
                                              strips.device_words()),
                  error);
}

}  // namespace
