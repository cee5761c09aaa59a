// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/viterbi.cuh>

#include "cuda/oracle.hpp"

namespace {

using namespace openquant;

TEST_SUITE("device") {
  TEST_CASE("cuda::viterbi: the CPU's symbols") {
    const cuda::backend on;
    matrix<std::int16_t> value(1, 4096), x(20, 256);
    for (index_t i = 0; i < 4096; ++i) {
      value.data()[i] =
          static_cast<std::int16_t>(4096 * random::normal(1, static_cast<std::uint64_t>(i)));
    }
    for (index_t i = 0; i < 20 * 256; ++i) {
      x.data()[i] =
          static_cast<std::int16_t>(3000 * random::normal(2, static_cast<std::uint64_t>(i)));
    }
    cuda::device_matrix<std::int16_t> dv(on, 1, 4096), dx(on, 20, 256);
    cuda::device_matrix<std::uint8_t> ds(on, 20, 256);
    matrix<std::uint8_t> symbols(20, 256);
    cuda::copy(on, value.view(), dv.view());
    cuda::copy(on, x.view(), dx.view());
    cuda::viterbi<2, 12, 256>(on, dv.view(), dx.view(), ds.view());
    cuda::copy(on, ds.view(), symbols.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(symbols == test::viterbi_oracle({value.data(), 4096}, x));
  }
}

}  // namespace
