// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/multiplier.cuh>
#include <openquant/equalizer/identity.hpp>
#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/dense.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>

#include "cuda/halves.hpp"
#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using rotation::hadamard;

template <class R>
concept Multiplies = requires {
  typename cuda::multiplier<uniform<4>, R>;
};
static_assert(Multiplies<hadamard>);
static_assert(!Multiplies<rotation::dense>);

TEST_CASE("cuda::multiplier: refuses an order that no kernel has before it asks for a device") {
  const quantized<uniform<4>, hadamard, equalizer::identity> q(
      {}, {}, {}, 1, 32768, 128, basis<hadamard>({}, 32768, std::vector<float>{}));
  CHECK_THROWS_WITH_AS(cuda::multiplier(cuda::backend{}, q),
                       "cuda: no kernel has a rotation of order 32768", error);
}

TEST_SUITE("device") {
  template <class T>
  constexpr double rounding = std::is_same_v<T, float>     ? 0.0
                              : std::is_same_v<T, float16> ? 0x1p-11
                                                           : 0x1p-8;

  /// x, its form in the basis of the codes, and y in T.
  template <class T, class Q, class R, class E>
  void check(const R& r, test::product_options of) {
    CAPTURE(Q::name());
    CAPTURE(R::name());
    of.x_rounding = of.y_rounding = rounding<T>;
    const auto c = test::product_oracle<Q, R, E>(r, of);
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const cuda::multiplier ready(on, c.q);
    CHECK(ready.rows() == of.m);
    CHECK(ready.cols() == of.n);
    const matrix<T> x = test::stored<T>(c.x);
    matrix<T> y(of.tokens, of.m), x_after(of.tokens, of.n);
    cuda::device_matrix<T> dx(on, of.tokens, of.n), dy(on, of.tokens, of.m), scratch;
    if (ready.changes_inputs()) scratch = cuda::device_matrix<T>(on, of.tokens, of.n);
    cuda::copy(on, x.view(), dx.view());
    ready.multiply(on, std::as_const(dx).view(), scratch.view(), dy.view());
    cuda::copy(on, dy.view(), y.view());
    cuda::copy(on, dx.view(), x_after.view());
    cuda::device_matrix<float> dw(on, of.m, of.n);
    matrix<float> w(of.m, of.n);
    ready.dequantize(on, dw.view());
    cuda::copy(on, dw.view(), w.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(x_after == x);
    CHECK(test::error_over_bound(test::widened(y), c.y, c.y_bound) <= 1);
    CHECK(test::error_over_bound(c.host_y, c.y, c.y_bound) <= 1);
    CHECK(test::error_over_bound(w, c.w, c.w_bound) <= 1);
    CHECK(test::error_over_bound(c.host_w, c.w, c.w_bound) <= 1);
  }

  TEST_CASE("cuda::multiplier: products and weights of the original basis, to their rounding") {
    using equalizer::smoothquant;
    using none = equalizer::identity;
    using rotation::block_hadamard;
    using two_hadamards = rotation::two_sided<hadamard>;
    check<float, uniform<4>, rotation::identity, none>({}, {.m = 37, .n = 101});
    check<float, uniform<4>, rotation::identity, none>({}, {.m = 37, .n = 101, .equalized = true});
    check<float, uniform<4>, hadamard, smoothquant>({5}, {.m = 37, .n = 128, .equalized = true});
    check<float, uniform<4>, hadamard, smoothquant>(
        {5}, {.m = 37, .n = 96, .tokens = 9, .equalized = true});
    check<float16, uniform<4>, hadamard, smoothquant>(
        {5}, {.m = 37, .n = 96, .tokens = 1, .equalized = true});
    check<float, uniform<4>, two_hadamards, none>({{5}, {6}}, {.m = 64, .n = 128});
    check<openquant::bfloat16, uniform<4>, two_hadamards, none>({{5}, {6}}, {.m = 48, .n = 96});
    check<float, e8p<2>, hadamard, none>({5}, {.m = 37, .n = 128});
    check<float, trellis<2>, block_hadamard<32>, none>({5}, {.m = 37, .n = 96});
  }

  TEST_CASE("cuda::multiplier: an empty scratch where nothing is transformed; refused shapes") {
    const auto c = test::product_oracle<uniform<4>, rotation::identity, equalizer::identity>(
        {}, {.m = 20, .n = 64});
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const cuda::multiplier ready(on, c.q);
    cuda::device_matrix<float> x(on, 3, 64), y(on, 3, 20);
    matrix<float> found(3, 20);
    cuda::copy(on, c.x.view(), x.view());
    const cuda::device_view<const float> in = x.view();
    ready.multiply(on, in, {}, y.view());
    cuda::copy(on, y.view(), found.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(test::error_over_bound(found, c.y, c.y_bound) <= 1);

    CHECK_THROWS_WITH_AS(
        ready.multiply(on, in.block(0, 0, 3, 63), {}, y.view()),
        "cuda: multiplier of x (3, 63) by W (20, 64) to y (3, 20) with scratch (0, 0)", error);
    CHECK_THROWS_AS(ready.dequantize(on, y.view()), error);
    matrix<float> after(3, 20);
    cuda::copy(on, y.view(), after.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(after == found);
  }

  /// Recorded while it may neither wait nor allocate, and replayed with other activations.
  TEST_CASE("cuda::multiplier: a product in a graph") {
    const auto c =
        test::product_oracle<uniform<4>, rotation::two_sided<hadamard>, equalizer::identity>(
            {{5}, {6}}, {.m = 48, .n = 96});
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const cuda::multiplier ready(on, c.q);
    cuda::device_matrix<float> x(on, 3, 96), scratch(on, 3, 96), y(on, 3, 48);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    cuda::check(cudaStreamBeginCapture(on.stream, cudaStreamCaptureModeThreadLocal), "capture");
    ready.multiply(on, std::as_const(x).view(), scratch.view(), y.view());
    cuda::check(cudaStreamEndCapture(on.stream, &graph), "capture");
    cuda::check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
    matrix<float> found(3, 48);
    cuda::copy(on, c.x.view(), x.view());
    cuda::check(cudaGraphLaunch(executable, on.stream), "cudaGraphLaunch");
    cuda::copy(on, y.view(), found.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(test::error_over_bound(found, c.y, c.y_bound) <= 1);
    cuda::check(cudaGraphExecDestroy(executable), "cudaGraphExecDestroy");
    cuda::check(cudaGraphDestroy(graph), "cudaGraphDestroy");
  }
}

}  // namespace
