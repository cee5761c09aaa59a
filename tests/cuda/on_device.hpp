// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

#include <openquant/core/matrix.hpp>

namespace openquant::test {

/// A view of host memory as if it were on the device, for kernels that run on the host.
template <class T>
matrix_view<T, device> on_device(matrix<T>& a) {
  return {a.data(), a.rows(), a.cols()};
}
template <class T>
matrix_view<const T, device> on_device(const matrix<T>& a) {
  return {a.data(), a.rows(), a.cols()};
}
template <class T>
matrix_view<const T, device> on_device(std::span<const T> a) {
  return {a.data(), a.empty() ? 0 : 1, std::ssize(a)};
}

}  // namespace openquant::test
