// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/matrix.hpp>
#include <openquant/core/random.hpp>
#include <openquant/cuda/storage.hpp>

namespace openquant::test {

/// A matrix of N(0,1) whose rows lie `stride` apart, from `offset` on, and what surrounds it.
template <class T>
struct window {
  index_t rows, cols, stride, offset;
  aligned_vector<T> all;

  window(index_t m, index_t n, index_t gap, index_t before)
      : rows(m), cols(n), stride(n + gap), offset(before) {
    all.resize(static_cast<std::size_t>(offset + m * stride));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = cuda::narrowed<T>(random::normal(3, i));
  }
  T& operator()(index_t i, index_t j) {
    return all[static_cast<std::size_t>(offset + i * stride + j)];
  }
  /// Host memory, called device memory for the kernel that runs on the host.
  matrix_view<T, device> view() { return {all.data() + offset, rows, cols, stride}; }
};

}  // namespace openquant::test
