// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/cuda/device_codes.cuh>
#include <openquant/cuda/multiply.cuh>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "cuda/halves.hpp"
#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

TEST_SUITE("device") {
  template <class Q, class X>
  void check() {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const index_t n = 37 * Q::dim + Q::dim / 2, m = 37;
    const strip_shape<Q> shape{n, 8 * Q::dim};
    const auto expected = test::make_codes_case<Q>(m, shape);
    const cuda::device_codes<Q> codes(on, Q{}, expected.codes, expected.scales, shape, 0.25f);
    for (const index_t tokens : {1, 2, 3, 8, 11}) {
      CAPTURE(tokens);
      matrix<float> x(tokens, n), y(tokens, m);
      for (index_t i = 0; i < tokens * n; ++i) {
        x.data()[i] = random::normal(4, static_cast<std::uint64_t>(i));
      }
      const matrix<X> activations = test::stored<X>(x);
      x = test::widened(activations);
      cuda::device_matrix<X> dx(on, tokens, n);
      cuda::device_matrix<float> dy(on, tokens, m);
      cuda::copy(on, activations.view(), dx.view());
      cuda::multiply(on, codes.view(), cuda::device_view<const X>(dx.view()), dy.view());
      cuda::copy(on, dy.view(), y.view());
      cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
      double worst = 0;
      for (index_t t = 0; t < tokens; ++t) {
        for (index_t i = 0; i < m; ++i) {
          double sum = 0, size = 0;
          for (index_t j = 0; j < n; ++j) {
            const auto value = static_cast<double>(0.25f * x(t, j));
            // A term's size is that of the largest code and of the zero point, where there is one.
            const auto s = Q{}.unpack(expected.scales.get(i, j / shape.group_size));
            const float zero = Q::scale_fields == 2 ? s[0] * (16 + s[Q::scale_fields - 1]) : 0.0f;
            sum += static_cast<double>(expected.w(i, j)) * value;
            size +=
                static_cast<double>(std::max(std::fabs(expected.w(i, j)), zero)) * std::fabs(value);
          }
          const double bound = static_cast<double>(n + 16) * 0x1p-24 * size;
          worst = test::worst(worst, std::fabs(static_cast<double>(y(t, i)) - sum) / bound);
        }
      }
      CHECK(worst <= 1);
    }
  }

  TEST_CASE_TEMPLATE("cuda::multiply: sums in double, within their rounding", Q, uniform<4>,
                     lloyd_max<3>, e8p<2>, trellis<2>) {
    check<Q, float>();
    check<Q, float16>();
    check<Q, bfloat16>();
  }
}

}  // namespace
