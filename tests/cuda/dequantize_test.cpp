// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/dequantize.hpp>
#include <openquant/equalizer/identity.hpp>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/layer/round_to_nearest.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>
#include <openquant/rotation/identity.hpp>

#include "cuda/host_codes.hpp"
#include "layer/pair_quantizer.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using test::host_codes;

/// Into a window of a larger matrix, of which nothing else may change.
template <class Out, class Q>
void check(index_t m, const strip_shape<Q>& shape, index_t gap, cuda::thread_order order) {
  CAPTURE(Q::name());
  CAPTURE(m);
  CAPTURE(gap);
  const host_codes<Q> codes(m, shape);
  const matrix<float> decoded = test::decoded(codes.q, codes.packed, shape);
  matrix<Out> all(m + 2, shape.cols + gap), expected(m + 2, shape.cols + gap);
  const auto w = all.view().block(1, gap / 2, m, shape.cols);
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < shape.cols; ++j) {
      expected(1 + i, gap / 2 + j) = cuda::narrowed<Out>(0.25f * decoded(i, j));
    }
  }
  const auto kernel = cuda::make_dequantize_kernel(
      codes.view(0.25f), matrix_view<Out, device>(w.data(), w.rows(), w.cols(), w.stride()));
  cuda::run_on_host(kernel, kernel.grid(), order);
  CHECK(all == expected);
}

template <class Q>
void check() {
  const index_t d = Q::dim;
  check<float, Q>(48, {32 * d, 16 * d}, 0, cuda::thread_order::ascending);
  check<float, Q>(48, {32 * d, 16 * d}, 8, cuda::thread_order::descending);
  check<float, Q>(21, {19 * d + d / 2, 7 * d}, 3, cuda::thread_order::ascending);
  check<float16, Q>(7, {130 * d, 130 * d}, 16, cuda::thread_order::descending);
  check<openquant::bfloat16, Q>(16, {9 * d, 4 * d}, 1, cuda::thread_order::ascending);
}

TEST_CASE_TEMPLATE("cuda::dequantize: the scalar decoder's weights, bit for bit", Q, uniform<1>,
                   uniform<2>, uniform<3>, uniform<4>, uniform<5>, uniform<8>, lloyd_max<2>,
                   lloyd_max<3>, lloyd_max<6>, test::pair_quantizer) {
  check<Q>();
}

TEST_CASE_TEMPLATE("cuda::dequantize: lattices", Q, e8p<2>, e8p<3>, e8p<4>,
                   companded<lattice::e8, 2>, companded<lattice::e8, 5>,
                   companded<lattice::d_plus<12>, 3>, voronoi<lattice::e8, 14>,
                   voronoi<lattice::e8, 13>) {
  check<Q>();
}

/// Fewer, for a point takes long.
TEST_CASE_TEMPLATE("cuda::dequantize: the Leech lattice", Q, voronoi<lattice::leech, 14>,
                   leech_ball) {
  const index_t d = Q::dim;
  check<float, Q>(5, {3 * d + d / 2, 2 * d}, 3, cuda::thread_order::ascending);
  check<float16, Q>(3, {4 * d, 4 * d}, 8, cuda::thread_order::descending);
}

TEST_CASE_TEMPLATE("cuda::dequantize: trellises", Q, trellis<1>, trellis<2>, trellis<3>, trellis<4>,
                   trellis<2, 16>, trellis<2, 16, code::one_mad>, trellis<1, 16, code::three_inst>,
                   trellis<3, 12, code::three_inst>) {
  check<Q>();
}

TEST_CASE("cuda::dequantize: a quantized layer") {
  matrix<float> w(24, 70), w_hat(24, 70);
  for (index_t i = 0; i < 24 * 70; ++i) {
    w.data()[i] = 0.01f * random::normal(5, static_cast<std::uint64_t>(i));
  }
  const auto q = round_to_nearest<uniform<4>>{.options = {.group_size = 32}}.quantize(w);
  const strip_shape<uniform<4>> shape{70, q.group_size()};
  const layout::lanes<16>::codes<uniform<4>> strips(q.quantizer(), q.packed(), shape);
  layout::lanes<16>::codes<uniform<4>>::workspace none;
  const auto first = strips.strip(0, none);
  const cuda::codes_view<uniform<4>> view{q.quantizer(), shape,   24,      first.words,
                                          first.scales,  nullptr, q.unit()};
  const auto kernel =
      cuda::make_dequantize_kernel(view, matrix_view<float, device>(w_hat.data(), 24, 70));
  cuda::run_on_host(kernel, kernel.grid());
  CHECK(w_hat == q.dequantize());
}

TEST_CASE("cuda::dequantize: refuses other shapes") {
  const host_codes<uniform<4>> codes(5, {9, 4});
  CHECK_THROWS_WITH_AS(
      cuda::make_dequantize_kernel(codes.view(1), matrix_view<float, device>(nullptr, 5, 8)),
      "cuda: dequantize of (5, 9) codes of uniform<4> to w (5, 8)", error);
}

}  // namespace
