// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include <openquant/core/matrix.hpp>
#include <openquant/cuda/backend.hpp>
#include <openquant/cuda/error.cuh>
#include <openquant/cuda/workspace.hpp>

namespace openquant::cuda {

/// A view of elements in device memory. `matrix_view` has the space in its type, so a function that
/// takes this one cannot be given host memory, nor the other way round.
template <class T>
using device_view = matrix_view<T, device>;

/// A row-major matrix in device memory that owns its elements, uninitialised at the start; rows lie
/// one after the other. Memory comes from the backend's workspace, or from the device's pool; it is
/// taken and given back in the order of the stream, which, like the workspace, must outlive it.
template <class T>
class device_matrix {
 public:
  using value_type = T;

  device_matrix() = default;
  /// Throws cuda::error where the device has no memory left, openquant::error where the workspace
  /// has none.
  device_matrix(const backend& on, index_t rows, index_t cols)
      : stream_(on.stream), memory_(on.memory), rows_(rows), cols_(cols) {
    if (rows < 0 || cols < 0) fail("cuda: device_matrix of shape (", rows, ", ", cols, ")");
    if (size_bytes() == 0) return;
    void* taken = nullptr;
    if (memory_ != nullptr) {
      taken = memory_->take(static_cast<index_t>(size_bytes()));
    } else {
      check(cudaMallocAsync(&taken, size_bytes(), stream_), "cudaMallocAsync", " for a (", rows,
            ", ", cols, ") matrix of ", size_bytes(), " bytes");
    }
    data_ = static_cast<T*>(taken);
  }
  device_matrix(device_matrix&& other) noexcept { swap(other); }
  device_matrix& operator=(device_matrix&& other) noexcept {
    device_matrix(std::move(other)).swap(*this);
    return *this;
  }
  device_matrix(const device_matrix&) = delete;
  device_matrix& operator=(const device_matrix&) = delete;
  /// A failure of the context shows at its next use; a destructor cannot report it.
  ~device_matrix() {
    if (data_ == nullptr) return;
    if (memory_ != nullptr)
      memory_->give(data_);
    else
      static_cast<void>(cudaFreeAsync(data_, stream_));
  }

  index_t rows() const { return rows_; }
  index_t cols() const { return cols_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size_bytes() const { return static_cast<std::size_t>(rows_ * cols_) * sizeof(T); }

  device_view<T> view() { return {data_, rows_, cols_}; }
  device_view<const T> view() const { return {data_, rows_, cols_}; }
  operator device_view<T>() { return view(); }
  operator device_view<const T>() const { return view(); }

 private:
  void swap(device_matrix& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(stream_, other.stream_);
    std::swap(memory_, other.memory_);
    std::swap(rows_, other.rows_);
    std::swap(cols_, other.cols_);
  }

  T* data_ = nullptr;
  CUstream_st* stream_ = nullptr;
  workspace* memory_ = nullptr;
  index_t rows_ = 0, cols_ = 0;
};

/// to <- from, between host and device or within the device, in the order of the stream. Host
/// memory must stay as it is until the stream has come that far. Throws openquant::error where the
/// shapes differ.
template <class T, class U, class To, class From>
requires(std::is_same_v<const T, const U> && !std::is_const_v<T> &&
         (std::is_same_v<To, device> ||
          std::is_same_v<From, device>)) void copy(const backend& on, matrix_view<U, From> from,
                                                   matrix_view<T, To> to) {
  if (from.rows() != to.rows() || from.cols() != to.cols()) {
    fail("cuda: copy of a (", from.rows(), ", ", from.cols(), ") matrix to one of (", to.rows(),
         ", ", to.cols(), ")");
  }
  if (from.empty()) return;
  const auto pitch = [](index_t stride) { return static_cast<std::size_t>(stride) * sizeof(T); };
  // A single row may have any stride, which CUDA would refuse below its width.
  const bool one = from.rows() == 1;
  check(cudaMemcpy2DAsync(to.data(), pitch(one ? to.cols() : to.stride()), from.data(),
                          pitch(one ? from.cols() : from.stride()), pitch(from.cols()),
                          static_cast<std::size_t>(from.rows()), cudaMemcpyDefault, on.stream),
        "cudaMemcpy2DAsync", " of a (", from.rows(), ", ", from.cols(), ") matrix");
}

}  // namespace openquant::cuda
