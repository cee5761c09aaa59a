// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <span>

#include <openquant/core/random.hpp>
#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/hadamard.cuh>

#include "cuda/halves.hpp"
#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;

template <class In, class Out>
concept Transforms = requires(matrix_view<const float, In> x, matrix_view<float, Out> y) {
  cuda::hadamard(cuda::backend{}, x, y, index_t{4}, cuda::factors{}, cuda::factors{});
};
static_assert(Transforms<device, device>);
static_assert(!Transforms<host, device> && !Transforms<device, host> && !Transforms<host, host>);

TEST_SUITE("device") {
  TEST_CASE_TEMPLATE("cuda::hadamard: the bits of the CPU's transform", T, float, float16,
                     openquant::bfloat16) {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    for (index_t n = 2; n <= 16384; n *= 2) {
      CAPTURE(n);
      matrix<float> f(5, 2 * n);
      for (index_t i = 0; i < 10 * n; ++i) {
        f.data()[i] = random::normal(1, static_cast<std::uint64_t>(i));
      }
      const matrix<T> x = test::stored<T>(f);
      matrix<T> y(5, 2 * n);
      cuda::device_matrix<T> d(on, 5, 2 * n);
      cuda::copy(on, x.view(), d.view());
      cuda::hadamard(on, cuda::device_view<const T>(d.view()), d.view(), n, {nullptr, 0.75f},
                     {nullptr, 1.25f});
      cuda::copy(on, d.view(), y.view());
      cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
      f = test::widened(x);
      for (index_t i = 0; i < 5; ++i) {
        for (const index_t b : {index_t{0}, n}) {
          test::walsh_hadamard_oracle(std::span(&f(i, b), static_cast<std::size_t>(n)), 0.75f,
                                      1.25f);
        }
      }
      CHECK(test::widened(y) == test::widened(test::stored<T>(f)));
    }
  }
}

}  // namespace
