// SPDX-License-Identifier: Apache-2.0
// The trellis search at 2 bits, 2^12 and 2^16 states, in weights a second.
#include <cmath>

#include <openquant/cuda/viterbi.cuh>
#include <openquant/quantizer/trellis.hpp>

#include "gpu.cuh"

namespace {

using namespace openquant;

/// A square matrix of N(0,1) weights.
template <int L>
void bench_size(const bench::gpu& device, index_t n) {
  using quantizer_t = quantizer::trellis<2, L>;
  constexpr index_t steps = 256, words = cuda::viterbi_workspace<2, L, steps>;
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
  cuda::device_matrix<std::uint32_t> workspace(device.on(), device.multiprocessors(), words);
  device.fill({values.begin(), values.end()}, value);
  device.fill(targets, x);
  const std::function<void()> pass = [&] {
    cuda::viterbi<2, L, steps>(device.on(), std::as_const(value).view(), std::as_const(x).view(),
                               symbols.view(), workspace.view());
  };
  const double seconds = device.medians({pass})[0];
  std::printf("| %lld x %lld | 2^%d | %.2f | %.1f |\n", static_cast<long long>(n),
              static_cast<long long>(n), L, 1e3 * seconds,
              1e-6 * static_cast<double>(n * n) / seconds);
}

}  // namespace

int main() {
  return openquant::bench::on_gpu([](const openquant::bench::gpu& device) {
    std::puts("| weights | states | ms | M weights/s |");
    std::puts("| --- | --- | --- | --- |");
    for (const openquant::index_t n : {1024, 4096}) bench_size<12>(device, n);
    bench_size<16>(device, 1024);
  });
}
