// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/fit.hpp>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "cuda/scalar_codes.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using device_floats = matrix_view<const float, device>;

template <class Q>
void check(const Q& q, index_t m, const strip_shape<Q>& shape, bool weighted) {
  CAPTURE(Q::name());
  CAPTURE(m);
  CAPTURE(weighted);
  const auto w = test::encoder_weights(m, shape);
  const auto h = weighted ? test::encoder_importance(shape) : std::vector<float>{};
  const index_t tiles = (m + tile_rows<Q> - 1) / tile_rows<Q>;
  const packed_codes expected{{tiles, shape.blocks() * code_fields<Q>, field_bits<Q>},
                              test::scalar_scales(q, w, h, shape)};
  test::host_strips<Q> strips(m, shape);
  const device_floats importance(h.data(), h.empty() ? 0 : 1, std::ssize(h));
  const auto kernel =
      cuda::make_fit_kernel(q, shape, test::on_device(w), importance, strips.device_scales());
  cuda::run_on_host(kernel, kernel.grid());
  CHECK(strips.scales == test::host_strips<Q>(q, expected, shape).scales);
}

template <class Q>
void check(const Q& q = {}) {
  const index_t d = Q::dim;
  check<Q>(q, 16, {16 * d, 8 * d}, false);
  check<Q>(q, 37, {19 * d - d / 2, 4 * d}, true);
  check<Q>(q, 5, {9 * d, 9 * d}, true);
}

TEST_CASE("cuda::fit: the stored scales of the scalar template") {
  check<uniform<4>>();
  check<uniform<2>>({.symmetric = true, .fit_by = uniform_fit::mse});
  check<lloyd_max<3>>();
  check<companded<lattice::e8, 2>>();
  check<companded<lattice::d_plus<12>, 3>>({.fit_by = gaussian_fit::norm});
  check<e8p<2>>({.fit_by = gaussian_fit::norm});
  check<e8p<2>>({.fit_by = gaussian_fit::none});
  check<e8p<4>>();
  check<voronoi<lattice::e8, 14>>();
  check<trellis<2>>();
  check<trellis<2>>({.scaled = false});
}

TEST_CASE_TEMPLATE("cuda::fit: the Leech lattice", Q, leech_ball, voronoi<lattice::leech, 14>) {
  check<Q>({.fit_by = gaussian_fit::norm}, 16, {96, 48}, false);
  check<Q>({.fit_by = gaussian_fit::weighted}, 2, {60, 48}, true);  // outliers take seconds
}

TEST_CASE("cuda::fit: refuses other shapes") {
  using Q = companded<lattice::e8, 2>;
  const strip_shape<Q> shape{20, 16};
  matrix<float> w(17, 20), filled(17, 24);
  test::host_strips<Q> strips(17, shape), fewer(16, shape);
  CHECK_THROWS_WITH_AS(
      cuda::make_fit_kernel(Q{}, shape, test::on_device(w), {}, strips.device_scales()),
      "cuda: fit of companded<e8,2> to w (17, 20) of 20 columns in groups of 16, importance (0, "
      "0), to scales (2, 32)",
      error);
  CHECK_THROWS_AS(
      cuda::make_fit_kernel(Q{}, shape, test::on_device(filled), {}, fewer.device_scales()), error);
  CHECK_THROWS_AS(
      cuda::make_fit_kernel(Q{}, shape, test::on_device(filled),
                            test::on_device(w).block(0, 0, 1, 20), strips.device_scales()),
      error);
}

}  // namespace
