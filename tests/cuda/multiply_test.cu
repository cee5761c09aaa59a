// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/cuda/dequantize.cuh>
#include <openquant/cuda/device_codes.cuh>
#include <openquant/cuda/hadamard.cuh>
#include <openquant/cuda/multiply.cuh>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "cuda/halves.hpp"
#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"
#include "normal_matrix.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

template <class In, class Out>
concept Multiplies = requires(cuda::codes_view<uniform<4>> codes, matrix_view<const float, In> x,
                              matrix_view<float, Out> y) {
  cuda::multiply(cuda::backend{}, codes, x, y);
};
static_assert(Multiplies<device, device>);
static_assert(!Multiplies<host, device> && !Multiplies<device, host> && !Multiplies<host, host>);

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
    check<Q, openquant::bfloat16>();
  }

  /// What an engine does for a token, recorded as a graph and replayed with other activations.
  TEST_CASE("cuda::multiply: a rotation, a product and the weights in a graph") {
    using Q = uniform<4>;
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const index_t n = 256, m = 37, tokens = 2;
    const strip_shape<Q> shape{n, 128};
    const auto layer = test::make_codes_case<Q>(m, shape);
    const cuda::device_codes<Q> codes(on, Q{}, layer.codes, layer.scales, shape, 1.0f);
    cuda::device_matrix<float> x(on, tokens, n), turned(on, tokens, n), y(on, tokens, m),
        w(on, m, n);
    const auto token = [&] {
      cuda::hadamard(on, std::as_const(x).view(), turned.view(), n, {nullptr, 0.0625f}, {});
      cuda::multiply(on, codes.view(), std::as_const(turned).view(), y.view());
      cuda::dequantize(on, codes.view(), w.view());
    };
    const auto results = [&](const auto& run, std::uint64_t seed) {
      const matrix<float> input = test::normal_matrix(tokens, n, seed);
      matrix<float> product(tokens, m), weights(m, n);
      cuda::copy(on, input.view(), x.view());
      run();
      cuda::copy(on, y.view(), product.view());
      cuda::copy(on, w.view(), weights.view());
      cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
      CHECK(weights == layer.w);
      return product;
    };
    const matrix<float> first = results(token, 7), second = results(token, 8);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    cuda::check(cudaStreamBeginCapture(on.stream, cudaStreamCaptureModeThreadLocal), "capture");
    token();
    cuda::check(cudaStreamEndCapture(on.stream, &graph), "capture");
    cuda::check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
    const auto replay = [&] {
      cuda::check(cudaGraphLaunch(executable, on.stream), "cudaGraphLaunch");
    };
    CHECK(results(replay, 7) == first);
    CHECK(results(replay, 8) == second);
    CHECK(first != second);
    cuda::check(cudaGraphExecDestroy(executable), "cudaGraphExecDestroy");
    cuda::check(cudaGraphDestroy(graph), "cudaGraphDestroy");
  }
}

}  // namespace
