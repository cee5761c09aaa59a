// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/cuda/multiply.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "cuda/host_codes.hpp"
#include "layer/pair_quantizer.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using test::host_codes;

/// Against sums in double, within what rounding each term and each partial sum may cost: below
/// (n + 16) 2^-24 of the sizes of the terms.
template <class X, class Q>
void check(index_t m, const strip_shape<Q>& shape, index_t gap) {
  CAPTURE(Q::name());
  CAPTURE(gap);
  const host_codes<Q> codes(m, shape);
  const matrix<float> w = test::decoded(codes.q, codes.packed, shape);
  const matrix<float> sizes = test::term_sizes(codes.q, codes.packed, shape, w);
  const index_t n = shape.cols;
  const float unit = 0.25f;
  for (const index_t tokens : {0, 1, 2, 3, 8, 11}) {
    CAPTURE(tokens);
    matrix<X> x(tokens, n + gap);
    for (index_t i = 0; i < tokens * (n + gap); ++i) {
      x.data()[i] = cuda::narrowed<X>(random::normal(4, static_cast<std::uint64_t>(i)));
    }
    matrix<float> y(tokens, m + gap), again(tokens, m + gap);
    for (const auto order : {cuda::thread_order::ascending, cuda::thread_order::descending}) {
      auto& to = order == cuda::thread_order::ascending ? y : again;
      cuda::with_multiply_kernel(codes.view(unit),
                                 matrix_view<const X, device>(x.data(), tokens, n, n + gap),
                                 matrix_view<float, device>(to.data(), tokens, m, m + gap),
                                 [&](const auto& k) { cuda::run_on_host(k, k.grid(), order); });
    }
    CHECK(y == again);
    double worst = 0;
    for (index_t t = 0; t < tokens; ++t) {
      for (index_t i = 0; i < m; ++i) {
        double sum = 0, size = 0;
        for (index_t j = 0; j < n; ++j) {
          const auto value = static_cast<double>(unit * cuda::widened(x(t, j)));
          sum += static_cast<double>(w(i, j)) * value;
          size += static_cast<double>(sizes(i, j)) * std::fabs(value);
        }
        const double bound = static_cast<double>(n + 16) * 0x1p-24 * size;
        worst = test::worst(worst, std::fabs(static_cast<double>(y(t, i)) - sum) / bound);
      }
      for (index_t i = m; i < m + gap; ++i) CHECK(y(t, i) == 0);
    }
    CHECK(worst <= 1);
  }
}

/// With rows that begin within a packet, and with one.
template <class X, class Q>
void check(index_t m, const strip_shape<Q>& shape) {
  check<X>(m, shape, 3);
  check<X>(m, shape, 16 - shape.cols % 16);
}

TEST_CASE_TEMPLATE("cuda::multiply: any quantizer, ragged sizes", Q, uniform<1>, uniform<3>,
                   uniform<4>, uniform<8>, lloyd_max<2>, lloyd_max<5>, test::pair_quantizer, e8p<2>,
                   e8p<3>, e8p<4>, companded<lattice::e8, 3>, voronoi<lattice::e8, 14>, trellis<2>,
                   trellis<2, 16, code::one_mad>, trellis<4>) {
  const index_t d = Q::dim;
  check<float, Q>(37, {37 * d + d / 2, 8 * d});
  check<float, Q>(16, {16 * d, 16 * d});
}

/// Fewer, for a point takes long.
TEST_CASE_TEMPLATE("cuda::multiply: the Leech lattice", Q, voronoi<lattice::leech, 14>,
                   leech_ball) {
  const index_t d = Q::dim;
  check<float, Q>(5, {3 * d + d / 2, 2 * d});
}

TEST_CASE_TEMPLATE("cuda::multiply: halves", X, float16, openquant::bfloat16) {
  check<X, uniform<4>>(20, {1000, 128});
  check<X, lloyd_max<4>>(20, {700, 64});
  check<X, uniform<4>>(20, {200, 12});  // groups that begin within a packet
}

TEST_CASE("cuda::multiply: packets of activations where every run begins with one") {
  const host_codes<uniform<4>> even(5, {96, 32}), odd(5, {96, 12});
  alignas(16) float16 x[2 * 104];
  const auto in_packets = [&](const auto& codes, index_t first, index_t rows, index_t stride) {
    bool found = false;
    matrix<float> y(rows, 5);
    cuda::with_multiply_kernel(codes.view(1),
                               matrix_view<const float16, device>(x + first, rows, 96, stride),
                               matrix_view<float, device>(y.data(), rows, 5),
                               [&](const auto& k) { found = k.x_in_packets; });
    return found;
  };
  CHECK(in_packets(even, 0, 2, 104));
  CHECK(in_packets(even, 0, 1, 97));
  CHECK(!in_packets(even, 0, 2, 100));
  CHECK(!in_packets(even, 1, 1, 96));
  CHECK(!in_packets(odd, 0, 2, 96));
}

TEST_CASE("cuda::multiply: halves out are the rounded sums") {
  const host_codes<uniform<4>> codes(20, {200, 64});
  matrix<float> x(3, 200), y(3, 20);
  for (index_t i = 0; i < 600; ++i) x.data()[i] = random::normal(4, static_cast<std::uint64_t>(i));
  matrix<float16> half(3, 20);
  const matrix_view<const float, device> in(x.data(), 3, 200);
  const auto run = [](const auto& k) { cuda::run_on_host(k, k.grid()); };
  cuda::with_multiply_kernel(codes.view(1), in, matrix_view<float, device>(y.data(), 3, 20), run);
  cuda::with_multiply_kernel(codes.view(1), in, matrix_view<float16, device>(half.data(), 3, 20),
                             run);
  for (index_t i = 0; i < 60; ++i) CHECK(half.data()[i] == to_float16(y.data()[i]));
}

TEST_CASE("cuda::multiply: refuses other shapes") {
  const host_codes<uniform<4>> codes(5, {9, 4});
  const auto run = [](const auto&) { FAIL("a kernel for what was to be refused"); };
  using view = matrix_view<float, device>;
  const auto call = [&](matrix_view<const float, device> x, view y) {
    cuda::with_multiply_kernel(codes.view(1), x, y, run);
  };
  CHECK_THROWS_WITH_AS(call(view(nullptr, 2, 9), view(nullptr, 3, 5)),
                       "cuda: multiply of x (2, 9) by (5, 9) codes of uniform<4> to y (3, 5)",
                       error);
  CHECK_THROWS_AS(call(view(nullptr, 2, 8), view(nullptr, 2, 5)), error);
  CHECK_THROWS_AS(call(view(nullptr, 2, 9), view(nullptr, 2, 4)), error);
}

}  // namespace
