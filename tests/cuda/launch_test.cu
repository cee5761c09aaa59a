// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/launch.cuh>

#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;
using cuda::backend;

/// Writes sums over warps, in reverse, through more shared memory than is given unasked.
struct reverse_sums {
  static constexpr int threads = 96, resident = 1;
  struct shared {
    float sum[16 * 1024];
  };
  float* y;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    auto r = block.template per_thread<float>();
    block.each([&](int t) { r[t] = static_cast<float>(block.index() * threads + t); });
    cuda::add_over_warp(block, r);
    block.run([&](int t) { memory.sum[16 * 1024 - threads + t] = r[t]; });
    block.each([&](int t) { y[block.index() * threads + t] = memory.sum[16 * 1024 - 1 - t]; });
  }
};

TEST_CASE("cuda::launch: no blocks are no work, too many an error") {
  cuda::launch(backend{}, reverse_sums{nullptr}, 0, "reverse_sums");
  CHECK_THROWS_WITH_AS(
      cuda::launch(backend{}, reverse_sums{nullptr}, index_t{1} << 31, "reverse_sums", " of ", 7),
      "cuda: reverse_sums of 7: 2147483648 blocks", error);
}

TEST_SUITE("device") {
  TEST_CASE("cuda::launch: phases, shuffles, registers and shared memory") {
    const test::own_stream stream;
    const backend on = stream.backend();
    matrix<float> there(4, 96);
    cuda::device_matrix<float> y(on, 4, 96);
    cuda::launch(on, reverse_sums{y.data()}, 4, "reverse_sums");
    cuda::copy(on, y.view(), there.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    for (index_t i = 0; i < 4 * 96; ++i) {
      const index_t warp = i / 96 * 3 + 2 - i % 96 / 32;
      CHECK(there.data()[i] == static_cast<float>(32 * 32 * warp + 31 * 16));
    }
  }
}

}  // namespace
