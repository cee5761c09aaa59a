// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/kronecker_hadamard.cuh>

#include "cuda/halves.hpp"
#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;

TEST_SUITE("device") {
  TEST_CASE_TEMPLATE("cuda::kronecker_hadamard: exact sums are the CPU's", T, float, float16,
                     openquant::bfloat16) {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    for (const index_t m : {12, 20, 28, 172}) {
      const matrix<std::uint16_t> bits = cuda::hadamard_sign_bits(m);
      cuda::device_matrix<std::uint16_t> signs(on, m / 4, m / 4);
      cuda::copy(on, bits.view(), signs.view());
      for (index_t n = m; n <= 32768; n *= 2) {
        CAPTURE(n);
        if (n / m > 2048) continue;
        matrix<float> x(7, n);
        matrix<T> y(7, n);
        for (index_t i = 0; i < 7 * n; ++i) {
          x.data()[i] = std::nearbyint(4 * random::normal(1, static_cast<std::uint64_t>(i)));
        }
        const matrix<T> small = test::stored<T>(x);  // all of these integers
        cuda::device_matrix<T> d(on, 7, n);
        cuda::copy(on, small.view(), d.view());
        cuda::hadamard(on, cuda::device_view<const T>(d.view()), d.view(), n,
                       std::as_const(signs).view(), {}, {});
        cuda::copy(on, d.view(), y.view());
        cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
        test::hadamard_oracle(x.view());
        CHECK(test::widened(y) == test::widened(test::stored<T>(x)));
      }
    }
  }
}

}  // namespace
