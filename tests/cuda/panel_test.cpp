// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <numeric>
#include <vector>

#include <openquant/cuda/panel.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/layer/panel.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "cuda/host_solver.hpp"
#include "layer/pair_quantizer.hpp"
#include "layer/random_feedback.hpp"
#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using cuda::thread_order;
using test::on_device;

/// Codes, scales and errors of the CPU's panel, in lanes that do not fuse products and sums.
template <class Q>
void check(const Q& q, index_t m, index_t n, index_t g, bool fed, thread_order threads,
           const std::vector<index_t>& order = {}) {
  CAPTURE(Q::name());
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(g);
  const index_t whole = (m + 31) / 32 * 32;
  const strip_shape<Q> shape{n, g};
  matrix<float> w = test::normal_matrix(m, n, 7),
                u = fed ? test::random_feedback(n, Q::dim) : matrix<float>{};
  matrix<float> importance(1, n);
  for (float& h : importance.row(0)) h = 1 + 0.25f * static_cast<float>(&h - importance.data());

  const panel_problem problem{w, u, importance.row(0), order, g};
  packed_codes codes = zero_codes(q, m, shape);
  panel<baseline_arch, Q> expected(q, problem, 0, m);
  expected.quantize(&codes);

  const index_t strips = (m + 15) / 16;
  constexpr auto nan = std::numeric_limits<float>::quiet_NaN();
  matrix<float> sum(n, whole), error(n, whole), scales(strips, shape.scales());
  matrix<std::int32_t> words(strips, shape.words());
  for (matrix<float>* a : {&error, &scales}) {
    std::fill_n(a->data(), a->rows() * a->cols(), nan);
  }
  const cuda::panel_view<Q> view{q,
                                 shape,
                                 on_device(w),
                                 on_device(u),
                                 on_device(importance),
                                 on_device(sum),
                                 on_device(error),
                                 on_device(scales),
                                 on_device(words),
                                 {},
                                 on_device(std::span(order))};
  cuda::code_columns(test::host_solver{threads}, view);

  CHECK(matrix<float>(expected.error()) == error);
  matrix<std::int32_t> expected_words(strips, shape.words());
  matrix<float> expected_scales(strips, shape.scales());
  for (index_t i = 0; i < strips; ++i) {
    write_strip(q, codes.codes, codes.scales, shape, i, expected_words.row(i),
                expected_scales.row(i));
  }
  CHECK(words == expected_words);
  CHECK(scales == expected_scales);
}

template <class Q>
void check() {
  constexpr index_t d = Q::dim;
  check(Q{}, 70, 32 * d, 8 * d, true, thread_order::ascending);
  check(Q{}, 32, 40 * d, 16 * d, true, thread_order::descending);
  check(Q{}, 21, 30 * d, 30 * d, false, thread_order::ascending);
  check(Q{}, 45, 320, 160, true, thread_order::descending);  // groups that straddle blocks
}

TEST_CASE_TEMPLATE("cuda::panel: the CPU's codes, scales and errors, bit for bit", Q, uniform<4>,
                   uniform<3>, lloyd_max<2>, test::pair_quantizer) {
  check<Q>();
}

TEST_CASE_TEMPLATE("cuda::panel: lattices", Q, companded<lattice::e8, 3>, e8p<2>,
                   voronoi<lattice::e8, 14>) {
  check<Q>();
}

TEST_CASE_TEMPLATE("cuda::panel: the Leech lattice", Q, leech_ball, voronoi<lattice::leech, 14>) {
  check(Q{.fit_by = gaussian_fit::norm}, 33, 144, 48, true, thread_order::ascending);
  check(Q{.fit_by = gaussian_fit::norm}, 5, 240, 144, false, thread_order::descending);
}

/// A permutation of so many blocks.
std::vector<index_t> mixed(index_t blocks) {
  std::vector<index_t> order(static_cast<std::size_t>(blocks));
  std::iota(order.begin(), order.end(), index_t{0});
  for (std::size_t i = 1; i < order.size(); ++i) {
    std::swap(order[i], order[random::bits(3, i) % (i + 1)]);
  }
  return order;
}

TEST_CASE_TEMPLATE("cuda::panel: columns in another order", Q, uniform<3>, lloyd_max<2>,
                   test::pair_quantizer, companded<lattice::e8, 3>, voronoi<lattice::e8, 14>) {
  constexpr index_t d = Q::dim;
  check(Q{}, 45, 40 * d, 8 * d, true, thread_order::ascending, mixed(40));
  check(Q{}, 17, 30 * d, 30 * d, false, thread_order::descending, mixed(30));
}

TEST_CASE("cuda::panel: groups that do not fill a block, and a ragged last one") {
  check(uniform<4>{.fit_by = uniform_fit::range}, 33, 333, 100, true, thread_order::ascending);
  check(uniform<2>{}, 5, 300, 7, true, thread_order::ascending);
  check(uniform<5>{}, 17, 260, 260, true, thread_order::ascending);
}

}  // namespace
