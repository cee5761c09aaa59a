// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/queue.cuh>
#include <openquant/cuda/transpose.hpp>

#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;

TEST_CASE("cuda::queue: a refused kernel says what it was run for") {
  auto kernel = cuda::make_transpose_kernel(matrix_view<const float, device>(nullptr, 3, 5),
                                            matrix_view<float, device>(nullptr, 5, 3));
  kernel.tiles.rows = kernel.tiles.cols = index_t{1} << 24;  // more blocks than any device takes
  CHECK_THROWS_WITH_AS(cuda::queue(cuda::backend{}, " of w (3, 5)").run(kernel, "transpose"),
                       doctest::Contains("cuda: transpose of w (3, 5): "), error);
}

TEST_SUITE("device") {
  TEST_CASE("cuda::queue: memory, copies both ways and a kernel, in the order of the stream") {
    const test::own_stream stream;
    const cuda::queue d(stream.backend());
    CHECK(d.on().stream == stream.backend().stream);
    CHECK(d.zeros<float>(0, 5).data() == nullptr);
    matrix<float> a(2, 3), turned(3, 2);
    for (index_t i = 0; i < 2; ++i) {
      for (index_t j = 0; j < 3; ++j) a(i, j) = turned(j, i) = static_cast<float>(3 * i + j);
    }
    auto there = d.zeros<float>(2, 3), wide = d.zeros<float>(3, 5), copy = d.zeros<float>(3, 2);
    CHECK(d.read(there.view()) == matrix<float>(2, 3));
    d.write<float>(a.view(), there.view());
    a(0, 0) = 9;  // write has waited
    d.run(cuda::make_transpose_kernel(std::as_const(there).view(), wide.view().block(0, 1, 3, 2)),
          "transpose");
    d.copy(std::as_const(wide).view().block(0, 1, 3, 2), copy.view());
    CHECK(d.read(copy.view()) == turned);
    const matrix<float> found = d.read(wide.view());
    CHECK(found(2, 0) == 0);
    CHECK(found(2, 3) == 0);
  }
}

}  // namespace
