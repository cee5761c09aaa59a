// SPDX-License-Identifier: Apache-2.0
// Scales and codes of weights on the device, in weights a second.
#include <openquant/cuda/device_codes.cuh>
#include <openquant/cuda/encode.cuh>
#include <openquant/cuda/encode_tiles.cuh>
#include <openquant/cuda/fit.cuh>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "gpu.cuh"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

/// Fits and codes a matrix of N(0,1) weights, (m, 4096) in groups of 128.
template <class Q>
void bench_quantizer(const bench::gpu& device, const Q& q, index_t m, const char* fit_by) {
  constexpr index_t n = 4096;
  const strip_shape<Q> shape{n, 128};
  cuda::device_matrix<float> w(device.on(), m, n);
  device.fill(bench::normals<float>(1), w);
  cuda::device_codes<Q> codes(device.on(), q, m, shape, 1.0f);
  const auto weights = std::as_const(w).view();
  const std::function<void()> fit = [&] {
    cuda::fit(device.on(), q, shape, weights, {}, codes.scales());
  };
  std::function<void()> encode;
  cuda::device_matrix<std::int16_t> value;
  cuda::device_matrix<std::uint32_t> workspace;
  if constexpr (TileQuantizer<Q>) {
    const auto values = Q::search_values();
    value = {device.on(), 1, std::ssize(values)};
    device.fill({values.begin(), values.end()}, value);
    workspace = {device.on(), device.multiprocessors(), cuda::encode_tiles_workspace<Q>};
    encode = [&] {
      cuda::encode_tiles(device.on(), q, shape, weights, codes.scales(),
                         std::as_const(value).view(), codes.words(), workspace.view());
    };
  } else {
    encode = [&] {
      cuda::encode<Q>(device.on(), q, shape, weights, codes.scales(), codes.words());
    };
  }
  const auto seconds = device.medians({fit, encode});
  const auto rate = [&](double s) { return 1e-6 * static_cast<double>(m * n) / s; };
  std::printf("| %s, %s | %.1f | %.1f |\n", Q::name().c_str(), fit_by, rate(seconds[0]),
              rate(seconds[1]));
}

}  // namespace

int main() {
  return openquant::bench::on_gpu([](const openquant::bench::gpu& device) {
    std::puts("| scales by | fit, M weights/s | encode, M weights/s |");
    std::puts("| --- | --- | --- |");
    bench_quantizer(device, uniform<4>{.fit_by = uniform_fit::range}, 4096, "range");
    bench_quantizer(device, uniform<4>{}, 4096, "searched");
    bench_quantizer(device, lloyd_max<3>{}, 4096, "searched");
    bench_quantizer(device, companded<lattice::e8, 3>{}, 4096, "searched");
    bench_quantizer(device, e8p<2>{}, 4096, "searched");
    bench_quantizer(device, voronoi<lattice::e8, 14>{}, 4096, "searched");
    bench_quantizer(device, trellis<2>{}, 4096, "norm");
    bench_quantizer(device, trellis<2, 16>{}, 256, "norm");
  });
}
