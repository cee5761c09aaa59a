// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/dequantize.cuh>
#include <openquant/cuda/device_codes.cuh>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "cuda/halves.hpp"
#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

template <class Space>
concept Dequantizes = requires(cuda::codes_view<uniform<4>> codes, matrix_view<float, Space> w) {
  cuda::dequantize(cuda::backend{}, codes, w);
};
static_assert(Dequantizes<device> && !Dequantizes<host>);

TEST_SUITE("device") {
  template <class Q, class Out>
  void check() {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const index_t n = 19 * Q::dim + Q::dim / 2;
    const strip_shape<Q> shape{n, 8 * Q::dim};
    auto expected = test::make_codes_case<Q>(37, shape);
    const cuda::device_codes<Q> codes(on, Q{}, expected.codes, expected.scales, shape, 0.25f);
    cuda::device_matrix<Out> there(on, 37, n);
    matrix<Out> w(37, n);
    cuda::dequantize(on, codes.view(), there.view());
    cuda::copy(on, there.view(), w.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    for (index_t i = 0; i < 37 * n; ++i) expected.w.data()[i] *= 0.25f;
    CHECK(test::widened(w) == test::widened(test::stored<Out>(expected.w)));
  }

  TEST_CASE_TEMPLATE("cuda::dequantize: the scalar decoder's weights, bit for bit", Q, uniform<4>,
                     lloyd_max<3>, e8p<2>, trellis<2>) {
    check<Q, float>();
    check<Q, float16>();
    check<Q, openquant::bfloat16>();
  }
}

}  // namespace
