// SPDX-License-Identifier: Apache-2.0
// The Hadamard transform of rows, beside a copy of the same bytes from device to device: both read
// and write each number once.
#include <cmath>

#include <openquant/cuda/hadamard.cuh>
#include <openquant/cuda/kronecker_hadamard.cuh>

#include "gpu.cuh"

namespace {

using namespace openquant;

template <cuda::Storage T>
void bench_type(const bench::gpu& device, const char* type) {
  const std::vector<T> some = bench::normals<T>(1);
  const auto row = [&](index_t n, const auto& transform) {
    const auto size = static_cast<index_t>(sizeof(T));
    const index_t rows = device.copies_beyond_cache(n * size);
    cuda::device_matrix<T> x(device.on(), rows, n), y(device.on(), rows, n);
    cuda::device_matrix<float> signs(device.on(), 1, n);
    device.fill(some, x);
    device.fill({1.0f, -1.0f, -1.0f}, signs);
    const cuda::factors before{signs.data()}, after{nullptr, 1 / std::sqrt(static_cast<float>(n))};
    const auto seconds =
        device.medians({[&] { transform(std::as_const(x).view(), y.view(), before, after); },
                        [&] { device.copy(x.data(), rows * n, y.data()); }});
    std::printf("| %lld | %s | %.1f | %.0f | %.2f |\n", static_cast<long long>(n), type,
                1e6 * seconds[0], 2e-9 * static_cast<double>(rows * n * size) / seconds[0],
                seconds[0] / seconds[1]);
  };
  for (const index_t n : {64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}) {
    row(n, [&](cuda::device_view<const T> x, cuda::device_view<T> y, cuda::factors before,
               cuda::factors after) { cuda::hadamard(device.on(), x, y, n, before, after); });
  }
  for (const auto& [m, p] : {std::pair<index_t, index_t>{12, 64},
                             {12, 256},
                             {20, 256},
                             {28, 512},
                             {28, 1024},
                             {172, 64}}) {
    const matrix<std::uint16_t> bits = cuda::hadamard_sign_bits(m);
    cuda::device_matrix<std::uint16_t> signs(device.on(), m / 4, m / 4);
    cuda::copy(device.on(), bits.view(), signs.view());
    row(m * p, [&, n = m * p](cuda::device_view<const T> x, cuda::device_view<T> y,
                              cuda::factors before, cuda::factors after) {
      cuda::hadamard(device.on(), x, y, n, std::as_const(signs).view(), before, after);
    });
  }
}

}  // namespace

int main() {
  return openquant::bench::on_gpu([](const openquant::bench::gpu& device) {
    std::puts("| n | type | us | GB/s, read and written | times a copy |");
    std::puts("| --- | --- | --- | --- | --- |");
    bench_type<openquant::float16>(device, "float16");
    bench_type<float>(device, "float");
  });
}
