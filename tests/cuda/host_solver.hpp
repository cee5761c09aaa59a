// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <optional>
#include <type_traits>

#include <openquant/cuda/block.hpp>
#include <openquant/linalg/gemm.hpp>
#include <openquant/linalg/udu.hpp>

#include "cuda/on_device.hpp"

namespace openquant::test {

/// A matrix in host memory that is called device memory.
template <class T>
struct host_matrix : matrix<T> {
  using matrix<T>::matrix;
  matrix_view<T, device> view() { return on_device(*this); }
  matrix_view<const T, device> view() const { return on_device(*this); }
};

/// What `cuda::solve` and `cuda/gptq.hpp` ask of a device, on the host.
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
  template <class T>
  matrix<std::remove_const_t<T>> read(matrix_view<T, device> a) const {
    return matrix<std::remove_const_t<T>>(here(a));
  }
  template <class T>
  void write(std::type_identity_t<matrix_view<const T>> from, matrix_view<T, device> to) const {
    for (index_t i = 0; i < from.rows(); ++i)
      std::ranges::copy(from.row(i), here(to).row(i).begin());
  }
  std::optional<index_t> factor_udu(matrix_view<const float, device> h, double damping,
                                    index_t block, matrix_view<float, device> u) const {
    return linalg::factor_udu<float, float>(here(h), damping, block, here(u));
  }
};

}  // namespace openquant::test
