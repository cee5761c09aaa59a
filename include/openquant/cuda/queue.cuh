// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <type_traits>
#include <utility>

#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/launch.cuh>

namespace openquant::cuda {

/// A device as what is written once for it and for the host asks of it: memory, kernels and copies
/// on the stream of a backend, without a library.
///
/// Errors:  cuda::error where CUDA refuses; of a kernel it says `about`, what it is run for
class queue {
 public:
  explicit queue(const backend& on, std::string about = {}) : on_(on), about_(std::move(about)) {}

  template <class T>
  device_matrix<T> zeros(index_t rows, index_t cols) const {
    device_matrix<T> a(on_, rows, cols);
    if (a.size_bytes() == 0) return a;
    check(cudaMemsetAsync(a.data(), 0, a.size_bytes(), on_.stream), "cudaMemsetAsync", " of a (",
          rows, ", ", cols, ") matrix");
    return a;
  }
  template <class Kernel>
  void run(const Kernel& kernel, const char* name) const {
    launch(on_, kernel, kernel.grid(), name, about_);
  }
  void copy(device_view<const float> from, device_view<float> to) const {
    cuda::copy(on_, from, to);
  }
  /// Waits: host memory is free when this returns.
  template <class T>
  void write(std::type_identity_t<matrix_view<const T>> from, device_view<T> to) const {
    cuda::copy(on_, from, to);
    check(cudaStreamSynchronize(on_.stream), "cudaStreamSynchronize", " after writing a (",
          from.rows(), ", ", from.cols(), ") matrix");
  }
  /// A copy on the host, when all that was put on the stream is done.
  template <class T>
  matrix<std::remove_const_t<T>> read(device_view<T> from) const {
    matrix<std::remove_const_t<T>> to(from.rows(), from.cols());
    cuda::copy(on_, from, to.view());
    check(cudaStreamSynchronize(on_.stream), "cudaStreamSynchronize", " after reading a (",
          from.rows(), ", ", from.cols(), ") matrix");
    return to;
  }

  const backend& on() const { return on_; }

 private:
  backend on_;
  std::string about_;
};

}  // namespace openquant::cuda
