// SPDX-License-Identifier: Apache-2.0
// A layer by gptq on the device, over the calls of cuBLAS and cuSOLVER that it is made of.
#include <chrono>

#include <openquant/cuda/gptq.cuh>
#include <openquant/equalizer/identity.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/identity.hpp>

#include "gpu.cuh"

namespace {

using namespace openquant;
using cuda::device_matrix;

/// Seconds of f, the median of 5 after one that does not count, until the device is done.
template <class F>
double seconds(const bench::gpu& device, const F& f) {
  std::vector<double> times;
  for (int k = 0; k < 6; ++k) {
    device.wait();
    const auto start = std::chrono::steady_clock::now();
    f();
    device.wait();
    const auto end = std::chrono::steady_clock::now();
    if (k > 0) times.push_back(std::chrono::duration<double>(end - start).count());
  }
  std::nth_element(times.begin(), times.begin() + 2, times.end());
  return times[2];
}

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

/// H of inputs whose neighbours are correlated, U and W in the basis of the codes.
void bench_layer(const bench::gpu& device, const cuda::backend& on, index_t m, index_t n,
                 const char* label, const quantizer::uniform<4>& q) {
  using Q = quantizer::uniform<4>;
  const strip_shape<Q> shape{n, 128};
  const cuda::solver solver(on);
  matrix<float> h(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      h(i, j) = static_cast<float>(std::pow(0.8, std::abs(static_cast<double>(i - j))));
    }
  }
  device_matrix<float> hessian(on, n, n), u(on, n, n), w(on, m, n), importance(on, 1, n);
  cuda::copy(on, h.view(), hessian.view());
  device.fill(bench::normals<float>(1), w);
  device.fill({1.0f}, importance);
  auto scales = solver.zeros<float>((m + 15) / 16, shape.scales());
  auto words = solver.zeros<std::int32_t>((m + 15) / 16, shape.words());
  auto sum = solver.zeros<float>(n, (m + 31) / 32 * 32), error = solver.zeros<float>(n, sum.cols());

  const double factor = seconds(
      device, [&] { static_cast<void>(cuda::factor_udu(on, hessian.view(), 0.01, 1, u.view())); });
  const cuda::panel_view<Q> panel{
      q,          shape,        w.view(),      u.view(),    importance.view(),
      sum.view(), error.view(), scales.view(), words.view()};
  const double coded = seconds(device, [&] { cuda::code_columns(solver, panel); });
  const double products =
      seconds(device, [&] { cuda::code_columns(products_alone{solver}, panel); });
  std::printf("| %lld x %lld | %s | %.2f | %.2f | %.2f | %.2f |\n", static_cast<long long>(m),
              static_cast<long long>(n), label, 1e3 * factor, 1e3 * coded, 1e3 * products,
              (factor + coded) / (factor + products));
}

}  // namespace

int main() {
  return openquant::bench::on_gpu([](const openquant::bench::gpu& device) {
    using openquant::quantizer::uniform;
    using openquant::quantizer::uniform_fit;
    cublasHandle_t cublas = nullptr;
    openquant::cuda::check(cublasCreate(&cublas), "cublasCreate");
    openquant::cuda::backend on = device.on();
    on.cublas = cublas;
    std::puts(
        "| layer | uniform<4> | factor, ms | columns, ms | their products, ms | over the floor |");
    std::puts("| --- | --- | --- | --- | --- | --- |");
    for (const openquant::index_t m : {4096, 14336}) {
      bench_layer(device, on, m, 4096, "scales by range", uniform<4>{.fit_by = uniform_fit::range});
      bench_layer(device, on, m, 4096, "scales searched", uniform<4>{});
    }
    static_cast<void>(cublasDestroy(cublas));
  });
}
