// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/viterbi.cuh>

#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;

template <int L>
void check() {
  const test::own_stream stream;
  const cuda::backend on = stream.backend();
  constexpr index_t states = index_t{1} << L, rows = L == 12 ? 40 : 9;  // the workspace has 7
  matrix<std::int16_t> value(1, states), x(rows, 256);
  for (index_t i = 0; i < states; ++i) {
    value.data()[i] =
        static_cast<std::int16_t>(4096 * random::normal(1, static_cast<std::uint64_t>(i)));
  }
  for (index_t i = 0; i < rows * 256; ++i) {
    const index_t largest = 700 * (1 + i / 256 % 9);  // from 3500 on, sums must be brought down
    const float draw = random::normal(2, static_cast<std::uint64_t>(i));
    x.data()[i] = static_cast<std::int16_t>(static_cast<float>(largest) * draw);
  }
  cuda::device_matrix<std::int16_t> dv(on, 1, states), dx(on, rows, 256);
  cuda::device_matrix<std::uint8_t> ds(on, rows, 256);
  cuda::device_matrix<std::uint32_t> workspace(on, 7, cuda::viterbi_workspace<2, L, 256>);
  matrix<std::uint8_t> symbols(rows, 256);
  cuda::copy(on, value.view(), dv.view());
  cuda::copy(on, x.view(), dx.view());
  cuda::viterbi<2, L, 256>(on, dv.view(), dx.view(), ds.view(), workspace.view());
  cuda::copy(on, ds.view(), symbols.view());
  cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
  CHECK(symbols == test::viterbi_oracle<L>({value.data(), states}, x));
}

TEST_SUITE("device") {
  TEST_CASE("cuda::viterbi: the CPU's symbols, 2^12 states") { check<12>(); }
  TEST_CASE("cuda::viterbi: the CPU's symbols, 2^16 states") { check<16>(); }
}

}  // namespace
