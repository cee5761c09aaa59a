// SPDX-License-Identifier: Apache-2.0
// A layer by gptq on the device, over the calls of cuBLAS and cuSOLVER that it is made of.
#include <openquant/cuda/gptq.cuh>
#include <openquant/equalizer/identity.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/identity.hpp>

#include "gpu.cuh"

namespace {

using namespace openquant;
using cuda::device_matrix;

/// cuSOLVER's factorization alone, with a workspace made beforehand, of the identity, which is its
/// own factor: it can be factored again and again.
class cholesky_alone {
 public:
  cholesky_alone(const cuda::backend& on, index_t n)
      : solver_(on), a_(on, n, n), failed_(on, 1, 1), n_(n) {
    cuda::check(cusolverDnCreateParams(&params_), "cusolverDnCreateParams");
    std::size_t there = 0, here = 0;
    cuda::check(cusolverDnXpotrf_bufferSize(solver_.get(), params_, CUBLAS_FILL_MODE_UPPER, n,
                                            CUDA_R_32F, a_.data(), n, CUDA_R_32F, &there, &here),
                "cusolverDnXpotrf_bufferSize");
    workspace_ = device_matrix<unsigned char>(on, 1, static_cast<index_t>(there));
    host_.resize(here);
    matrix<float> identity(n, n);
    for (index_t i = 0; i < n; ++i) identity(i, i) = 1;
    cuda::copy(on, identity.view(), a_.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
  }
  cholesky_alone(const cholesky_alone&) = delete;
  cholesky_alone& operator=(const cholesky_alone&) = delete;
  ~cholesky_alone() { static_cast<void>(cusolverDnDestroyParams(params_)); }

  void operator()() {
    cuda::check(
        cusolverDnXpotrf(solver_.get(), params_, CUBLAS_FILL_MODE_UPPER, n_, CUDA_R_32F, a_.data(),
                         n_, CUDA_R_32F, workspace_.data(), workspace_.size_bytes(), host_.data(),
                         host_.size(), failed_.data()),
        "cusolverDnXpotrf");
  }

 private:
  cuda::cusolver_handle solver_;
  cusolverDnParams_t params_ = nullptr;
  device_matrix<float> a_;
  device_matrix<int> failed_;
  device_matrix<unsigned char> workspace_;
  std::vector<unsigned char> host_;
  index_t n_;
};

/// A solver that runs no kernels.
struct products_alone {
  const cuda::solver& solver;

  template <class Kernel>
  void run(const Kernel&, const char*) const {}
  template <linalg::op A, linalg::op B>
  void multiply_add(cuda::device_view<const float> a, cuda::device_view<const float> b, float beta,
                    cuda::device_view<float> c) const {
    solver.multiply_add<A, B>(a, b, beta, c);
  }
};

/// H of inputs whose neighbours are correlated, U and W in the basis of the codes; then the whole
/// of it, from W on the device and a Hessian on the host to codes on the host.
void bench_layer(const bench::gpu& device, const cuda::backend& on, index_t m, index_t n,
                 const char* label, const quantizer::uniform<4>& q) {
  using Q = quantizer::uniform<4>;
  const strip_shape<Q> shape{n, 128};
  const cuda::solver solver(on);
  matrix<float> h(n, n);
  matrix<double> sums(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      sums(i, j) = std::pow(0.8, std::abs(static_cast<double>(i - j)));
      h(i, j) = static_cast<float>(sums(i, j));
    }
  }
  device_matrix<float> hessian(on, n, n), u(on, n, n), w(on, m, n), importance(on, 1, n);
  cuda::copy(on, h.view(), hessian.view());
  device.fill(bench::normals<float>(1), w);
  device.fill({1.0f}, importance);
  auto scales = solver.zeros<float>((m + 15) / 16, shape.scales());
  auto words = solver.zeros<std::int32_t>((m + 15) / 16, shape.words());
  auto sum = solver.zeros<float>(n, (m + 31) / 32 * 32), error = solver.zeros<float>(n, sum.cols());
  const cuda::panel_view<Q> panel{
      q,          shape,        w.view(),      u.view(),    importance.view(),
      sum.view(), error.view(), scales.view(), words.view()};
  cholesky_alone cholesky(on, n);
  const gptq<Q> method{.quantizer = q};
  const openquant::hessian moments(std::move(sums), 1);
  const std::vector<double> s = device.medians_of_calls({
      [&] { static_cast<void>(cuda::factor_udu(on, hessian.view(), 0.01, 1, u.view())); },
      [&] { cholesky(); },
      [&] { cuda::code_columns(solver, panel); },
      [&] { cuda::code_columns(products_alone{solver}, panel); },
      [&] { static_cast<void>(method.quantize(on, std::as_const(w).view(), moments)); },
  });
  const double floor = s[1] + s[3];
  std::printf("| %lld x %lld | %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n",
              static_cast<long long>(m), static_cast<long long>(n), label, 1e3 * s[0], 1e3 * s[1],
              1e3 * s[2], 1e3 * s[3], (s[0] + s[2]) / floor, 1e3 * s[4], s[4] / floor);
}

}  // namespace

int main() {
  return openquant::bench::on_gpu([](const openquant::bench::gpu& device) {
    using openquant::quantizer::uniform;
    using openquant::quantizer::uniform_fit;
    cublasHandle_t cublas = nullptr;
    cusolverDnHandle_t cusolver = nullptr;
    openquant::cuda::check(cublasCreate(&cublas), "cublasCreate");
    openquant::cuda::check(cusolverDnCreate(&cusolver), "cusolverDnCreate");
    openquant::cuda::backend on = device.on();
    on.cublas = cublas;
    on.cusolver = cusolver;
    std::puts(
        "| layer | uniform<4> | factor, ms | its potrf, ms | columns, ms | their products, ms "
        "| both over the floor | all, with the report and the way to the host, ms | over the floor "
        "|");
    std::puts("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (const openquant::index_t m : {4096, 14336}) {
      bench_layer(device, on, m, 4096, "scales by range", uniform<4>{.fit_by = uniform_fit::range});
      bench_layer(device, on, m, 4096, "scales searched", uniform<4>{});
    }
    static_cast<void>(cusolverDnDestroy(cusolver));
    static_cast<void>(cublasDestroy(cublas));
  });
}
