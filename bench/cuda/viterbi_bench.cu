// SPDX-License-Identifier: Apache-2.0
// The trellis search at 2 bits and 2^12 states, in weights a second.
#include <cmath>

#include <openquant/cuda/viterbi.cuh>
#include <openquant/quantizer/trellis.hpp>

#include "gpu.cuh"

namespace {

using namespace openquant;
using quantizer_t = quantizer::trellis<2, 12>;

/// A square matrix of N(0,1) weights.
void bench_size(const bench::gpu& device, index_t n) {
  constexpr index_t steps = 256;
  const index_t sequences = n * n / steps;
  const auto values = quantizer_t::search_values();
  std::vector<std::int16_t> targets;
  for (const float w : bench::normals<float>(1)) {
    const float fixed = std::nearbyint(w * quantizer_t::unit);
    targets.push_back(static_cast<std::int16_t>(std::clamp(fixed, -32767.0f, 32767.0f)));
  }
  cuda::device_matrix<std::int16_t> value(device.on(), 1, std::ssize(values));
  cuda::device_matrix<std::int16_t> x(device.on(), sequences, steps);
  cuda::device_matrix<std::uint8_t> symbols(device.on(), sequences, steps);
  device.fill({values.begin(), values.end()}, value);
  device.fill(targets, x);
  const double seconds = device.medians({[&] {
    cuda::viterbi<2, 12, steps>(device.on(), std::as_const(value).view(), std::as_const(x).view(),
                                symbols.view());
  }})[0];
  std::printf("| %lld x %lld | %.2f | %.1f |\n", static_cast<long long>(n),
              static_cast<long long>(n), 1e3 * seconds,
              1e-6 * static_cast<double>(n * n) / seconds);
}

}  // namespace

int main() {
  return openquant::bench::on_gpu([](const openquant::bench::gpu& device) {
    std::puts("| weights | ms | M weights/s |");
    std::puts("| --- | --- | --- |");
    for (const openquant::index_t n : {1024, 4096}) bench_size(device, n);
  });
}
