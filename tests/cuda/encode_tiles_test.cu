// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/device_codes.cuh>
#include <openquant/cuda/encode_tiles.cuh>
#include <openquant/quantizer/trellis.hpp>

#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;
using Q = quantizer::trellis<2>;

TEST_SUITE("device") {
  TEST_CASE("cuda::encode_tiles: the CPU's codes") {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const strip_shape<Q> shape{5 * Q::dim, 2 * Q::dim};
    const auto expected = test::make_encoded_case<Q>(37, shape);
    const auto values = Q::search_values();
    cuda::device_matrix<float> w(on, 37, shape.cols);
    cuda::device_matrix<std::int16_t> value(on, 1, std::ssize(values));
    cuda::device_codes<Q> codes(on, Q{}, 37, shape, 1.0f);
    cuda::copy(on, expected.w.view(), w.view());
    cuda::copy(on, matrix_view<const std::int16_t>(values.data(), 1, std::ssize(values)),
               value.view());
    cuda::copy(on, expected.scales.view(), codes.scales());
    cuda::encode_tiles(on, Q{}, shape, std::as_const(w).view(), codes.scales(),
                       std::as_const(value).view(), codes.words());
    matrix<std::int32_t> found(3, shape.words());
    cuda::copy(on, codes.words(), found.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(found == expected.words);
  }
}

}  // namespace
