// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/block.hpp>
#include <openquant/linalg/gemm.hpp>

#include "cuda/on_device.hpp"

namespace openquant::test {

/// A matrix in host memory that is called device memory.
template <class T>
struct host_matrix : matrix<T> {
  using matrix<T>::matrix;
  matrix_view<T, device> view() { return on_device(*this); }
};

/// What `cuda::solve` asks of a device, on the host.
struct host_solver {
  cuda::thread_order order = cuda::thread_order::ascending;

  template <class T>
  static matrix_view<T> here(matrix_view<T, device> a) {
    return {a.data(), a.rows(), a.cols(), a.stride()};
  }
  template <class T>
  host_matrix<T> zeros(index_t rows, index_t cols) const {
    return host_matrix<T>(rows, cols);
  }
  template <class Kernel>
  void run(const Kernel& kernel, const char*) const {
    cuda::run_on_host(kernel, kernel.grid(), order);
  }
  template <linalg::op A, linalg::op B>
  void multiply_add(matrix_view<const float, device> a, matrix_view<const float, device> b,
                    float beta, matrix_view<float, device> c) const {
    linalg::gemm<A, B>(1.0f, here(a), here(b), beta, here(c));
  }
  void copy(matrix_view<const float, device> from, matrix_view<float, device> to) const {
    for (index_t i = 0; i < from.rows(); ++i) {
      for (index_t j = 0; j < from.cols(); ++j) to(i, j) = from(i, j);
    }
  }
  matrix<float> read(matrix_view<const float, device> a) const { return matrix<float>(here(a)); }
};

}  // namespace openquant::test
