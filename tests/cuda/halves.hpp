// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/storage.hpp>

namespace openquant::test {

/// Matrices as T stores them, and back; the host's own roundings, for which a GPU has instructions.
template <cuda::Storage T>
matrix<T> stored(const matrix<float>& x) {
  matrix<T> y(x.rows(), x.cols());
  for (index_t i = 0; i < x.rows() * x.cols(); ++i) y.data()[i] = cuda::narrowed<T>(x.data()[i]);
  return y;
}
template <cuda::Storage T>
matrix<float> widened(const matrix<T>& x) {
  matrix<float> y(x.rows(), x.cols());
  for (index_t i = 0; i < x.rows() * x.cols(); ++i) y.data()[i] = cuda::widened(x.data()[i]);
  return y;
}

}  // namespace openquant::test
