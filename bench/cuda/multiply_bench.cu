// SPDX-License-Identifier: Apache-2.0
// One token by quantized weights straight from their codes, beside a copy of the same bytes from
// device to device and cuBLAS's product with the weights in fp16.
#include <cmath>

#include <openquant/cuda/dequantize.cuh>
#include <openquant/cuda/multiply.cuh>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "gpu.cuh"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

/// y = W x by cuBLAS, W (m, n) in fp16, sums in float.
class half_product {
 public:
  explicit half_product(const cuda::backend& on) : workspace_(on, 1, index_t{32} << 20) {
    cuda::check(cublasCreate(&handle_), "cublasCreate");
    cuda::check(cublasSetStream(handle_, on.stream), "cublasSetStream");
    // One of the caller's, which a graph may go on using.
    cuda::check(cublasSetWorkspace(handle_, workspace_.data(), workspace_.size_bytes()),
                "cublasSetWorkspace");
  }
  ~half_product() { static_cast<void>(cublasDestroy(handle_)); }
  half_product(const half_product&) = delete;
  half_product& operator=(const half_product&) = delete;

  void operator()(index_t m, index_t n, const float16* w, const float16* x, float16* y) const {
    const float one = 1, zero = 0;
    const int rows = static_cast<int>(m), cols = static_cast<int>(n);
    cuda::check(cublasGemmEx(handle_, CUBLAS_OP_T, CUBLAS_OP_N, rows, 1, cols, &one, w, CUDA_R_16F,
                             cols, x, CUDA_R_16F, cols, &zero, y, CUDA_R_16F, rows,
                             CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
                "cublasGemmEx", " of (", m, ", ", n, ") by 1");
  }

 private:
  cuda::device_matrix<unsigned char> workspace_;
  cublasHandle_t handle_ = nullptr;
};

/// Matrices of random codes, as many as the second-level cache cannot hold.
template <class Q>
class codes_beyond_cache {
 public:
  codes_beyond_cache(const bench::gpu& device, index_t m, const strip_shape<Q>& shape)
      : rows_(m), shape_(shape) {
    const index_t strips = view_of(nullptr, nullptr).strips();
    bytes_ = 4 * strips * (shape.words() + shape.scales());
    const index_t copies = device.copies_beyond_cache(bytes_);
    words_ = {device.on(), copies, strips * shape.words()};
    scales_ = {device.on(), copies, strips * shape.scales()};
    std::vector<std::int32_t> words;  // any bits are codes
    for (std::uint64_t i = 0; i < 1 << 20; ++i) {
      words.push_back(static_cast<std::int32_t>(random::bits(1, i)));
    }
    std::vector<float> scales;  // of 16 rows: steps, then zero points
    for (index_t k = 0; k < Q::scale_fields; ++k) {
      for (int r = 0; r < 16; ++r) scales.push_back(k == 0 ? 0x1p-6f : 7.0f);
    }
    device.fill(words, words_);
    device.fill(scales, scales_);
    if constexpr (table_size<Q> != 0) {
      table_ = {device.on(), 1, table_size<Q>};
      device.fill({Q::table().begin(), Q::table().end()}, table_);
    }
  }

  index_t copies() const { return words_.rows(); }
  index_t bytes() const { return bytes_; }
  cuda::codes_view<Q> operator[](index_t i) const {
    return view_of(words_.data() + i * words_.cols(), scales_.data() + i * scales_.cols());
  }
  /// The codes of all, without their scales: to another place, and how many bytes these are.
  void copy(const bench::gpu& device, cuda::device_matrix<std::int32_t>& to) const {
    device.copy(words_.data(), words_.rows() * words_.cols(), to.data());
  }
  cuda::device_matrix<std::int32_t> space(const bench::gpu& device) const {
    return {device.on(), words_.rows(), words_.cols()};
  }
  index_t copied_bytes() const { return 4 * words_.rows() * words_.cols(); }

 private:
  cuda::codes_view<Q> view_of(const std::int32_t* words, const float* scales) const {
    return {Q{}, shape_, rows_, words, scales, table_.data(), 1.0f};
  }

  index_t rows_, bytes_;
  strip_shape<Q> shape_;
  cuda::device_matrix<std::int32_t> words_;
  cuda::device_matrix<float> scales_;
  cuda::device_matrix<cuda::table_entry<Q>> table_;
};

/// |y - z| / |z|
double relative_error(const bench::gpu& device, const cuda::device_matrix<float16>& y,
                      const cuda::device_matrix<float16>& z) {
  matrix<float16> a(1, y.cols()), b(1, y.cols());
  cuda::copy(device.on(), y.view(), a.view());
  cuda::copy(device.on(), z.view(), b.view());
  device.wait();
  double error = 0, size = 0;
  for (index_t i = 0; i < y.cols(); ++i) {
    const auto expected = static_cast<double>(to_float(b(0, i)));
    error += std::pow(static_cast<double>(to_float(a(0, i))) - expected, 2);
    size += expected * expected;
  }
  return std::sqrt(error / size);
}

template <class Q>
void bench_shape(const bench::gpu& device, const half_product& product, index_t m,
                 const strip_shape<Q>& shape) {
  const index_t n = shape.cols;
  const auto on = device.on();
  const codes_beyond_cache<Q> codes(device, m, shape);
  const index_t halves = device.copies_beyond_cache(2 * m * n);
  cuda::device_matrix<float16> w(on, halves * m, n), x(on, 1, n), y(on, 1, m), expected(on, 1, m);
  auto space = codes.space(device);
  device.fill(bench::normals<float16>(2), x);
  for (index_t i = 0; i < halves; ++i) {
    cuda::dequantize(on, codes[i % codes.copies()],
                     cuda::device_view<float16>(w.data() + i * m * n, m, n));
  }

  product(m, n, w.data(), x.data(), expected.data());
  cuda::multiply(on, codes[0], std::as_const(x).view(), y.view());
  const double error = relative_error(device, y, expected);
  if (!(error <= 0x1p-8)) {
    fail(Q::name(), " of (", m, ", ", n, "): y is ", error, " from cuBLAS's, relative to its size");
  }

  const auto seconds =
      device.medians({[&] {
                        for (index_t i = 0; i < codes.copies(); ++i) {
                          cuda::multiply(on, codes[i], std::as_const(x).view(), y.view());
                        }
                      },
                      [&] { codes.copy(device, space); },
                      [&] {
                        for (index_t i = 0; i < halves; ++i) {
                          product(m, n, w.data() + i * m * n, x.data(), y.data());
                        }
                      }});
  const double own = seconds[0] / static_cast<double>(codes.copies());
  const double rate = static_cast<double>(codes.bytes()) / own;
  const double copy_rate = 2 * static_cast<double>(codes.copied_bytes()) / seconds[1];
  const double cublas = seconds[2] / static_cast<double>(halves);
  std::printf("| %s | %lld x %lld | %.2f | %.1f | %.0f | %.2f | %.1f | %.2f |\n", Q::name().c_str(),
              static_cast<long long>(m), static_cast<long long>(n),
              8 * static_cast<double>(codes.bytes()) / static_cast<double>(m * n), 1e6 * own,
              1e-9 * rate, rate / copy_rate, 1e6 * cublas, cublas / own);
}

template <class Q>
void bench_quantizer(const bench::gpu& device, const half_product& product, index_t group_size) {
  for (const auto& [m, n] : {std::pair<index_t, index_t>{4096, 4096}, {28672, 8192}}) {
    bench_shape<Q>(device, product, m, {n, group_size == 0 ? n : group_size});
  }
}

}  // namespace

int main() {
  return openquant::bench::on_gpu([](const openquant::bench::gpu& device) {
    std::puts("One token, in and out in fp16. Bits: codes and scales as they lie on the device.");
    std::puts(
        "Of the copy: bytes of codes and scales read in a second, over the bytes that a copy");
    std::puts("reads and writes in one.\n");
    std::puts(
        "| codes | m x n | bits | us | GB/s | of the copy | cuBLAS fp16, us | times as fast |");
    std::puts("| --- | --- | --- | --- | --- | --- | --- | --- |");
    const half_product product(device.on());
    bench_quantizer<uniform<4>>(device, product, 128);
    bench_quantizer<lloyd_max<4>>(device, product, 128);
    bench_quantizer<e8p<2>>(device, product, 0);
    bench_quantizer<trellis<2, 16, code::one_mad>>(device, product, 0);
  });
}
