// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <type_traits>

#include <openquant/cuda/device_codes.cuh>
#include <openquant/quantizer/lloyd_max.hpp>

#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;
using Q = quantizer::lloyd_max<3>;

static_assert(std::is_nothrow_move_constructible_v<cuda::device_codes<Q>> &&
              !std::is_copy_constructible_v<cuda::device_codes<Q>>);

TEST_SUITE("device") {
  TEST_CASE("cuda::device_codes: strips, scales and table as the host writes them") {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const Q q{};
    const strip_shape<Q> shape{100, 32};
    const auto [codes, scales, w] = test::make_codes_case<Q>(37, shape);
    const cuda::device_codes<Q> there(on, q, codes, scales, shape, 0.5f);
    const cuda::codes_view<Q> view = there.view();
    CHECK(view.rows == 37);
    CHECK(view.unit == 0.5f);
    REQUIRE(view.strips() == 3);
    matrix<std::int32_t> words(3, shape.words()), expected_words(3, shape.words());
    matrix<float> scale(3, shape.scales()), expected_scale(3, shape.scales());
    matrix<float> table(1, table_size<Q>);
    using cuda::device_view;
    cuda::copy(on, device_view<const std::int32_t>(view.words, 3, shape.words()), words.view());
    cuda::copy(on, device_view<const float>(view.scales, 3, shape.scales()), scale.view());
    cuda::copy(on, device_view<const float>(view.table, 1, table_size<Q>), table.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    for (index_t i = 0; i < 3; ++i) {
      write_strip(q, codes, scales, shape, i, expected_words.row(i), expected_scale.row(i));
    }
    CHECK(words == expected_words);
    CHECK(scale == expected_scale);
    for (index_t i = 0; i < table_size<Q>; ++i) {
      CHECK(table(0, i) == Q::table()[static_cast<std::size_t>(i)]);
    }
  }
}

}  // namespace
