// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <span>
#include <utility>

#include <openquant/cuda/dequantize.cuh>
#include <openquant/cuda/device_codes.cuh>
#include <openquant/cuda/encode_tiles.cuh>
#include <openquant/cuda/queue.cuh>
#include <openquant/quantizer/trellis.hpp>

#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"
#include "laws/tile_quantizer_laws.hpp"

namespace {

using namespace openquant;
using Q = quantizer::trellis<2>;

/// A trellis whose tiles a device codes and decodes, for the laws of tiles.
struct device_tiles : Q {
  static constexpr strip_shape<Q> shape{Q::dim, Q::dim};

  template <class T>
  void encode_tile(matrix_view<const float> x, matrix_view<const float> s,
                   std::span<std::int32_t> c, workspace&) const {
    const test::own_stream stream;
    const cuda::queue d(stream.backend());
    matrix<float> w(Q::tile_rows, Q::dim);
    for (index_t r = 0; r < w.rows(); ++r) {
      for (index_t k = 0; k < w.cols(); ++k) w(r, k) = x(k, r);
    }
    const auto values = Q::search_values();
    auto there = d.zeros<float>(w.rows(), w.cols()), scales = d.zeros<float>(1, shape.scales());
    auto value = d.zeros<std::int16_t>(1, std::ssize(values));
    auto words = d.zeros<std::int32_t>(1, shape.words());
    d.write<float>(w.view(), there.view());
    d.write<float>(s, scales.view());
    d.write<std::int16_t>(matrix_view<const std::int16_t>(values.data(), 1, std::ssize(values)),
                          value.view());
    cuda::encode_tiles(d.on(), Q(*this), shape, std::as_const(there).view(),
                       std::as_const(scales).view(), std::as_const(value).view(), words.view());
    Q::from_lanes(d.read(words.view()).data(), c);
  }
  template <class T>
  void decode_tile(std::span<const std::int32_t> c, matrix_view<const float> s,
                   matrix_view<float> x_hat) const {
    const test::own_stream stream;
    const cuda::queue d(stream.backend());
    matrix<std::int32_t> words(1, shape.words());
    Q::to_lanes(c, words.data());
    cuda::device_codes<Q> codes(d.on(), *this, Q::tile_rows, shape, 1.0f);
    d.write<std::int32_t>(words.view(), codes.words());
    d.write<float>(s, codes.scales());
    auto w_hat = d.zeros<float>(Q::tile_rows, Q::dim);
    cuda::dequantize(d.on(), codes.view(), w_hat.view());
    const matrix<float> found = d.read(w_hat.view());
    for (index_t r = 0; r < found.rows(); ++r) {
      for (index_t k = 0; k < found.cols(); ++k) x_hat(k, r) = found(r, k);
    }
  }
};

TEST_SUITE("device") {
  TEST_CASE("cuda::encode_tiles: the laws of tiles") {
    laws::check_scalar_tile_laws(device_tiles{});
  }

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
