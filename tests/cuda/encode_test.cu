// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/device_codes.cuh>
#include <openquant/cuda/encode.cuh>
#include <openquant/lattice/d.hpp>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/lattice/leech.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "cuda/agreement.hpp"
#include "cuda/device_quantizer.cuh"
#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"
#include "laws/lattice_laws.hpp"
#include "laws/quantizer_laws.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

TEST_SUITE("device") {
  TEST_CASE_TEMPLATE("cuda::encode: the CPU's codes", Q, uniform<4>, lloyd_max<3>, e8p<2>,
                     companded<lattice::e8, 3>, voronoi<lattice::e8, 14>) {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const strip_shape<Q> shape{20 * Q::dim, 8 * Q::dim};
    const auto expected = test::make_encoded_case<Q>(37, shape);
    cuda::device_matrix<float> w(on, 37, shape.cols);
    cuda::device_codes<Q> codes(on, Q{}, 37, shape, 1.0f);
    cuda::copy(on, expected.w.view(), w.view());
    cuda::copy(on, expected.scales.view(), codes.scales());
    cuda::encode<Q>(on, Q{}, shape, std::as_const(w).view(), codes.scales(), codes.words());
    matrix<std::int32_t> found(3, shape.words());
    cuda::copy(on, codes.words(), found.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(test::agree(found, expected.words));
  }

  TEST_CASE_TEMPLATE("cuda::encode: a thread keeps the laws of quantizers", Q, uniform<4>,
                     lloyd_max<3>, companded<lattice::e8, 3>, e8p<2>, voronoi<lattice::e8, 14>,
                     leech_ball) {
    laws::check_scalar_laws(test::device_quantizer<Q>());
  }

  TEST_CASE_TEMPLATE("cuda::encode: a thread keeps the laws of lattices", L, lattice::d<4>,
                     lattice::e8, lattice::d_plus<12>, lattice::leech) {
    CHECK_NOTHROW(laws::coordinates_name_points<test::device_lattice<L>>());
    CHECK_NOTHROW(laws::no_point_is_nearer<test::device_lattice<L>>(L::dim == 24 ? 2 : 30));
  }
}

}  // namespace
