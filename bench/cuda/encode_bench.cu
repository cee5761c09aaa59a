// SPDX-License-Identifier: Apache-2.0
// Scales and codes of weights on the device, in weights a second.
#include <openquant/cuda/device_codes.cuh>
#include <openquant/cuda/encode.cuh>
#include <openquant/cuda/fit.cuh>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "gpu.cuh"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

/// A square matrix of N(0,1) weights in groups of 128.
template <class Q>
void bench_quantizer(const bench::gpu& device, const Q& q, const char* fit_by) {
  constexpr index_t n = 4096;
  const strip_shape<Q> shape{n, 128};
  cuda::device_matrix<float> w(device.on(), n, n);
  device.fill(bench::normals<float>(1), w);
  cuda::device_codes<Q> codes(device.on(), q, n, shape, 1.0f);
  const auto weights = std::as_const(w).view();
  const std::function<void()> fit = [&] {
    cuda::fit(device.on(), q, shape, weights, {}, codes.scales());
  };
  const std::function<void()> encode = [&] {
    cuda::encode<Q>(device.on(), q, shape, weights, codes.scales(), codes.words());
  };
  const auto seconds = device.medians({fit, encode});
  const auto rate = [](double s) { return 1e-6 * static_cast<double>(n * n) / s; };
  std::printf("| %s, %s | %.1f | %.1f |\n", Q::name().c_str(), fit_by, rate(seconds[0]),
              rate(seconds[1]));
}

}  // namespace

int main() {
  return openquant::bench::on_gpu([](const openquant::bench::gpu& device) {
    std::puts("| 4096 x 4096 | fit, M weights/s | encode, M weights/s |");
    std::puts("| --- | --- | --- |");
    bench_quantizer(device, uniform<4>{.fit_by = uniform_fit::range}, "range");
    bench_quantizer(device, uniform<4>{}, "searched");
    bench_quantizer(device, lloyd_max<3>{}, "searched");
    bench_quantizer(device, companded<lattice::e8, 3>{}, "searched");
    bench_quantizer(device, e8p<2>{}, "searched");
    bench_quantizer(device, voronoi<lattice::e8, 14>{}, "searched");
  });
}
