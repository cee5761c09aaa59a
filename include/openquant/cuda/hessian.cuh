// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <utility>

#include <openquant/cuda/blas.cuh>
#include <openquant/cuda/hessian.hpp>
#include <openquant/cuda/launch.cuh>
#include <openquant/layer/hessian.hpp>

namespace openquant::cuda {

/// Second moments of activations that lie on the device, H = mean over tokens of x^T x: what
/// `openquant::hessian` is for those on the host. Sums are in double, everything is put on the
/// stream. Where the backend has no cuBLAS handle, one is made for the life of this object.
///
/// Memory:  on the device 8 n^2 bytes of sums, 4 n min(n, 4096) of products, and for halves 4096 n
///          while they are added
class hessian {
 public:
  /// Throws openquant::error for an order below 1, cuda::error where CUDA or cuBLAS refuses.
  hessian(const backend& on, index_t n)
      : on_(on), sums_(on, checked(n), n), products_(on, std::min(strip, n), n) {
    if (on.cublas == nullptr) {
      own_ = std::make_unique<cublas_handle>(on);
      on_.cublas = own_->get();
    }
    check(cudaMemsetAsync(sums_.data(), 0, sums_.size_bytes(), on.stream), "cudaMemsetAsync",
          " of the sums of a hessian of order ", n);
  }

  /// Accumulates any number of tokens. That they are finite is not looked for here: `to_host`
  /// refuses sums that are not, and `factor_udu` finds a pivot that fails.
  ///
  /// Shapes:  x : (tokens, n), float, float16 or bfloat16
  /// Errors:  openquant::error for shapes, before anything is added; cuda::error where CUDA or
  ///          cuBLAS refuses, and the sums are then undefined
  /// Cost:    tokens n^2 flops in binary32
  template <Storage In>
  void add(device_view<const In> x) {
    device_matrix<float> wide;
    if constexpr (!std::same_as<In, float>) {
      wide = device_matrix<float>(on_, std::min(chunk, x.rows()), size());
    }
    add_moments(steps{on_, cublas_handle(on_)}, x, chunk, wide.view(), products_.view(),
                sums_.view());
    tokens_ += x.rows();
  }

  index_t size() const { return sums_.rows(); }
  index_t tokens() const { return tokens_; }

  /// h <- the mean over tokens, both triangles; 0 before the first token. Those of
  /// `openquant::hessian::mean`, bit for bit, for the same sums.
  ///
  /// Shapes:  h : (n, n); throws openquant::error otherwise
  void mean(device_view<float> h) const { mean(on_, h); }
  /// The same on another stream, the sums being complete there: `to_host` has waited, say.
  void mean(const backend& on, device_view<float> h) const {
    const auto kernel = make_mean_kernel(sums_.view(), tokens_, h);
    launch(on, kernel, kernel.tiles.count(), "hessian.mean", " of order ", size());
  }
  device_matrix<float> mean() const {
    device_matrix<float> h(on_, size(), size());
    mean(h.view());
    return h;
  }

  /// What the host's quantizers take. Waits for the stream. Throws openquant::error, with row and
  /// column, for sums of activations that were not finite or too large.
  openquant::hessian to_host() const {
    matrix<double> sums(size(), size());
    copy(on_, sums_.view(), sums.view());
    check(cudaStreamSynchronize(on_.stream), "cudaStreamSynchronize",
          " after copying moments of order ", size());
    return {std::move(sums), tokens_};
  }

 private:
  static constexpr index_t chunk = 1024, strip = 4096;

  static index_t checked(index_t n) {
    if (n < 1) fail("cuda: hessian: order ", n, " is not positive");
    return n;
  }

  struct steps {
    const backend& on;
    cublas_handle blas;

    void multiply(device_view<const float> a, device_view<const float> b,
                  device_view<float> c) const {
      multiply_add<linalg::op::transpose>(blas, 1.0f, a, b, 0.0f, c);
    }
    void square(device_view<const float> a, device_view<float> c) const {
      rank_update(blas, 1.0f, a, 0.0f, c);
    }
    template <class Kernel>
    void launch(const Kernel& kernel, const char* name) const {
      cuda::launch(on, kernel, kernel.tiles.count(), name, " of (", kernel.tiles.rows, ", ",
                   kernel.tiles.cols, ") numbers");
    }
  };

  backend on_;
  std::unique_ptr<cublas_handle> own_;
  index_t tokens_ = 0;
  device_matrix<double> sums_;     // (n, n), on and below the diagonal
  device_matrix<float> products_;  // (min(n, strip), n)
};

}  // namespace openquant::cuda
