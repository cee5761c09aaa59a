// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/fit.cuh>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "cuda/agreement.hpp"
#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

TEST_SUITE("device") {
  TEST_CASE_TEMPLATE("cuda::fit: the CPU's scales", Q, uniform<4>, lloyd_max<3>, e8p<2>,
                     companded<lattice::e8, 3>, voronoi<lattice::e8, 14>) {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const strip_shape<Q> shape{20 * Q::dim, 8 * Q::dim};
    const auto expected = test::make_encoded_case<Q>(37, shape);
    cuda::device_matrix<float> w(on, 37, shape.cols), scales(on, 3, shape.scales());
    cuda::copy(on, expected.w.view(), w.view());
    cuda::fit(on, Q{}, shape, std::as_const(w).view(), {}, scales.view());
    matrix<float> found(3, shape.scales());
    cuda::copy(on, std::as_const(scales).view(), found.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(test::agree(found, expected.scales));
  }
}

}  // namespace
