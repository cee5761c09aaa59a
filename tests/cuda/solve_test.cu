// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/solve.cuh>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;

static_assert(std::is_empty_v<cuda::tile_memory<quantizer::uniform<4>>>);

TEST_CASE("cuda::solve: a refused kernel says of what") {
  const cuda::solver d(cuda::backend{}, " of w (3, 5)");
  auto kernel = cuda::make_transpose_kernel(matrix_view<const float, device>(nullptr, 3, 5),
                                            matrix_view<float, device>(nullptr, 5, 3));
  kernel.tiles.rows = kernel.tiles.cols = index_t{1} << 24;  // more blocks than any device takes
  CHECK_THROWS_WITH_AS(d.run(kernel, "transpose"),
                       doctest::Contains("cuda: transpose of w (3, 5): "), error);
}

TEST_SUITE("device") {
  TEST_CASE("cuda::solve: the product that it asks of a device, beside what a queue has") {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const cuda::solver d(on);
    matrix<float> a(2, 3);
    for (index_t i = 0; i < 6; ++i) a.data()[i] = static_cast<float>(i);
    auto there = d.zeros<float>(2, 3), square = d.zeros<float>(3, 3);
    cuda::copy(on, a.view(), there.view());
    for (int k = 0; k < 2; ++k) {  // twice A^T A
      d.multiply_add<linalg::op::transpose, linalg::op::none>(
          std::as_const(there).view(), std::as_const(there).view(), 1.0f, square.view());
    }
    CHECK(d.read(square.view())(1, 2) == 2 * (1 * 2 + 4 * 5));
  }

  TEST_CASE("cuda::solve: the tables of a trellis") {
    using Q = quantizer::trellis<2>;
    const cuda::solver d(cuda::backend{});
    cuda::tile_tables<Q> tables(d);
    const cuda::tile_memory<Q> there = tables.view();
    const matrix<std::int16_t> value = d.read(there.value);
    REQUIRE(value.cols() == std::ssize(Q::search_values()));
    for (index_t s = 0; s < value.cols(); ++s) {
      CHECK(value(0, s) == Q::search_values()[static_cast<std::size_t>(s)]);
    }
    CHECK(there.workspace.empty());  // from L = 13 on
    CHECK(there.table != nullptr);
  }
}

}  // namespace
