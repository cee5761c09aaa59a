// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/gptq.cuh>
#include <openquant/equalizer/identity.hpp>
#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>

#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

template <class Method, class W, class H>
concept OnDevice = requires(const Method& method, const W& w, const H& h) {
  method.quantize(cuda::backend{}, w, h);
};
static_assert(OnDevice<gptq<uniform<4>>, matrix<float>, hessian>);
static_assert(OnDevice<gptq<uniform<4>>, cuda::device_view<const float>, hessian>);
static_assert(OnDevice<gptq<trellis<2>>, matrix<float>, hessian>);

static_assert(requires(const gptq<uniform<4>>& method) { method.plan(cuda::backend{}, 8, 8); });

TEST_CASE("cuda::gptq: a plan of nothing is refused, and needs no device") {
  CHECK_THROWS_WITH_AS(static_cast<void>(gptq<uniform<4>>{}.plan(cuda::backend{}, 8, 0)),
                       "quantized: nothing to store in a (8, 0) matrix", error);
  const memory_plan plan = gptq<uniform<4>>{}.plan(cuda::backend{}, 4096, 4096);
  CHECK(plan.factor == 8 * 4096 * 4096 + 4 * 4096);
  CHECK(plan.output == 4096 * 4096 / 2 + 8 * 4096 * 32);
}

TEST_CASE("cuda::gptq: refuses what the CPU refuses before it asks for a device") {
  CHECK_THROWS_WITH_AS(static_cast<void>(gptq<uniform<4>>{}.quantize(
                           cuda::backend{}, matrix<float>(4, 32), hessian(32))),
                       "gptq: the Hessian has seen no tokens", error);
}

TEST_SUITE("device") {
  /// cuBLAS sums in another order than the CPU, so codes at a tie may differ: at most 1 in 100, and
  /// errors by 1 in 1000.
  template <class Method>
  void check(const Method& method, index_t m, index_t n) {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const matrix<float> w = test::normal_matrix(m, n, 4);
    const hessian h = test::random_hessian(2 * n, n, 0.7, 3);
    const auto expected = test::gptq_oracle(method, w, h);
    const auto found = method.quantize(on, w, h);
    const bit_matrix &a = expected.packed().codes, &b = found.packed().codes;
    index_t differing = 0;
    for (index_t i = 0; i < a.rows(); ++i) {
      for (index_t j = 0; j < a.cols(); ++j) differing += a.get(i, j) != b.get(i, j) ? 1 : 0;
    }
    CHECK(100 * differing <= a.rows() * a.cols());
    CHECK(found.report().relative_error ==
          doctest::Approx(expected.report().relative_error).epsilon(1e-3));
    CHECK(found.report().damping == expected.report().damping);

    cuda::device_matrix<float> there(on, m, n);
    cuda::copy(on, w.view(), there.view());
    CHECK(method.quantize(on, std::as_const(there).view(), h).packed() == found.packed());
  }

  TEST_CASE("cuda::gptq: moments gathered on another stream") {
    constexpr index_t n = 256;
    const gptq<uniform<4>, rotation::hadamard> method{};
    const matrix<float> w = test::normal_matrix(64, n, 4), x = test::normal_matrix(2 * n, n, 5);
    const test::own_stream first, second;
    const cuda::backend gathering = first.backend(), solving = second.backend();
    cuda::device_matrix<float> there(gathering, x.rows(), n);
    cuda::copy(gathering, x.view(), there.view());
    cuda::hessian moments(gathering, n);
    moments.add(std::as_const(there).view());
    const auto found = method.quantize(solving, w, moments);
    const auto expected = method.quantize(solving, w, moments.to_host());
    CHECK(found.packed() == expected.packed());
  }

  /// Whatever of it is still under way when `factor` returns, the second stream does not see.
  TEST_CASE("cuda::gptq: layers on other streams share a factorization") {
    const gptq<uniform<4>, rotation::hadamard> method{};
    const hessian h = test::random_hessian(192, 96, 0.7, 3);
    const test::own_stream first, second;
    const auto f = cuda::factor(first.backend(), method, h);
    for (const std::uint64_t seed : {4, 5}) {
      const matrix<float> w = test::normal_matrix(40, 96, seed);
      const auto found =
          method.quantize(second.backend(), w, f);  // before the first one is waited for
      CHECK(found.packed() == method.quantize(first.backend(), w, h).packed());
    }
  }

  /// A backend with handles, and with a workspace.
  class own_memory {
   public:
    explicit own_memory(index_t bytes)
        : memory_(cuda::backend{}, 1, bytes), workspace_(memory_.data(), bytes) {
      cuda::check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
      cuda::check(cublasCreate(&blas_), "cublasCreate");
      cuda::check(cusolverDnCreate(&solver_), "cusolverDnCreate");
    }
    own_memory(const own_memory&) = delete;
    own_memory& operator=(const own_memory&) = delete;
    ~own_memory() {  // what is still under way uses the memory
      static_cast<void>(cudaStreamSynchronize(stream_.backend().stream));
      static_cast<void>(cublasDestroy(blas_));
      static_cast<void>(cusolverDnDestroy(solver_));
    }
    cuda::backend backend() { return {stream_.backend().stream, blas_, solver_, &workspace_}; }
    const cuda::workspace& workspace() const { return workspace_; }

   private:
    test::own_stream stream_;
    cuda::device_matrix<unsigned char> memory_;
    cuda::workspace workspace_;
    cublasHandle_t blas_ = nullptr;
    cusolverDnHandle_t solver_ = nullptr;
  };

  /// The plan is enough, and a little less than its most is not; no more than a hundredth is left
  /// over, but for vectors and what blocks are rounded up to. The pool gives nothing.
  template <class Method>
  void check_plan(const Method& method, index_t m, index_t n) {
    CAPTURE(m);
    CAPTURE(n);
    const matrix<float> w = test::normal_matrix(m, n, 4);
    const hessian h = test::random_hessian(n / 2, n, 0.7, 3);
    const auto expected = method.quantize(cuda::backend{}, w, h);
    own_memory none(0);
    const index_t planned = method.plan(none.backend(), m, n).peak();
    own_memory enough(planned);
    cudaMemPool_t pool = nullptr;
    cuda::check(cudaDeviceGetDefaultMemPool(&pool, 0), "cudaDeviceGetDefaultMemPool");
    std::uint64_t before = 0, most = 0;  // to 0 sets the most to what is in use
    cuda::check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &before), "set");
    cuda::check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &before), "get");
    CHECK(method.quantize(enough.backend(), w, h).packed() == expected.packed());
    cuda::check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &most), "get");
    CHECK(most == before);
    CHECK(enough.workspace().used() == 0);
    const index_t used = enough.workspace().most_used(), beside = 20 * (m + n) + (24 << 10);
    CHECK(static_cast<double>(used + beside) >= 0.99 * static_cast<double>(planned));
    own_memory less(used - cuda::workspace::grain);
    CHECK_THROWS_WITH_AS(static_cast<void>(method.quantize(less.backend(), w, h)),
                         doctest::Contains("cuda: workspace of "), error);
    CHECK(less.workspace().used() == 0);
  }

  TEST_CASE("cuda::gptq: takes the memory that was planned") {
    check_plan(gptq<uniform<4>>{}, 300, 256);
    check_plan(gptq<uniform<3>, rotation::hadamard>{}, 320, 256);
    check_plan(gptq<uniform<3>, rotation::hadamard>{}, 8, 512);  // the mean of H is the most
    check_plan(gptq<companded<lattice::e8, 3>>{.options = {.act_order = true}}, 200, 300);
    check_plan(gptq<trellis<2>>{}, 40, 96);
    check_plan(gptq<uniform<4>, rotation::two_sided<rotation::hadamard>>{}, 48, 96);
  }

  /// A search takes another path where sums are in another order: errors alone can be compared.
  TEST_CASE("cuda::gptq: trellises as good as the CPU's") {
    const gptq<trellis<2>> method{};
    const matrix<float> w = test::normal_matrix(128, 256, 4);
    const hessian h = test::random_hessian(512, 256, 0.7, 3);
    const auto expected = test::gptq_oracle(method, w, h);
    const auto found = method.quantize(cuda::backend{}, w, h);
    CHECK(found.report().relative_error ==
          doctest::Approx(expected.report().relative_error).epsilon(0.02));
  }

  TEST_CASE("cuda::gptq: the CPU's result but for ties") {
    check(gptq<uniform<4>>{}, 200, 256);
    check(gptq<uniform<3>, rotation::hadamard>{.options = {.group_size = -1}}, 64, 512);
    check(gptq<lloyd_max<2>>{}, 33, 320);
    check(gptq<uniform<3>, rotation::two_sided<rotation::hadamard>, equalizer::smoothquant>{}, 48,
          256);
    check(gptq<companded<lattice::e8, 3>>{}, 96, 300);
    check(gptq<e8p<2>>{}, 40, 256);
    check(gptq<voronoi<lattice::e8, 14>>{}, 40, 256);
    check(gptq<leech_ball>{}, 8, 48);
    check(gptq<uniform<4>>{.options = {.act_order = true}}, 70, 256);
    check(gptq<companded<lattice::e8, 3>>{.options = {.act_order = true}}, 40, 300);
    check(gptq<uniform<3>, rotation::hadamard>{.options = {.act_order = true}}, 40, 96);
    check(gptq<uniform<4>>{.options = {.damping = 1e-7f}}, 64, 256);  // binary64, on the host
  }
}

}  // namespace
