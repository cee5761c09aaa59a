// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include <openquant/cuda/backend.hpp>
#include <openquant/cuda/error.cuh>

namespace openquant::cuda {

/// A cuBLAS handle for the stream of a backend, as long as this object lives: scalars are read on
/// the host, products and sums are in binary32, tf32 off. The backend's handle, to which its own
/// settings return at the end, or, where it has none, a new one.
///
/// The math mode is CUBLAS_DEFAULT_MATH: tf32 then enters only where the environment forces it upon
/// cuBLAS. CUBLAS_PEDANTIC_MATH would also rule out rearranged sums, which no bound here needs.
///
/// Errors:  cuda::error where cuBLAS refuses, as without a device; the caller's handle is then as
///          it was
class cublas_handle {
 public:
  explicit cublas_handle(const backend& on) : cublas_handle(on.cublas) {
    if (on.stream != stream_) {  // setting one takes the caller's workspace from a handle
      check(cublasSetStream(handle_, on.stream), "cublasSetStream");
      moved_ = true;
    }
    check(cublasSetMathMode(handle_, CUBLAS_DEFAULT_MATH), "cublasSetMathMode");
    check(cublasSetPointerMode(handle_, CUBLAS_POINTER_MODE_HOST), "cublasSetPointerMode");
  }
  cublas_handle(const cublas_handle&) = delete;
  cublas_handle& operator=(const cublas_handle&) = delete;
  /// A destructor cannot report what fails; a new handle waits for the device here.
  ~cublas_handle() {
    if (own_) return;
    if (moved_) static_cast<void>(cublasSetStream(handle_, stream_));
    static_cast<void>(cublasSetMathMode(handle_, math_));
    static_cast<void>(cublasSetPointerMode(handle_, scalars_));
  }

  cublasHandle_t get() const { return handle_; }

 private:
  struct destroy {
    void operator()(cublasContext* handle) const { static_cast<void>(cublasDestroy(handle)); }
  };
  static cublasHandle_t make() {
    cublasHandle_t handle = nullptr;
    check(cublasCreate(&handle), "cublasCreate");
    return handle;
  }
  /// Changes nothing yet: once this one is done, the destructor runs whatever the other throws.
  explicit cublas_handle(cublasHandle_t given)
      : own_(given == nullptr ? make() : nullptr), handle_(own_ ? own_.get() : given) {
    check(cublasGetStream(handle_, &stream_), "cublasGetStream");
    check(cublasGetMathMode(handle_, &math_), "cublasGetMathMode");
    check(cublasGetPointerMode(handle_, &scalars_), "cublasGetPointerMode");
  }

  std::unique_ptr<cublasContext, destroy> own_;
  cublasHandle_t handle_;
  cudaStream_t stream_ = nullptr;
  cublasMath_t math_ = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t scalars_ = CUBLAS_POINTER_MODE_HOST;
  bool moved_ = false;
};

/// A cuSOLVER handle for the stream of a backend, as long as this object lives: the backend's, to
/// which its own stream returns at the end, or, where it has none, a new one.
///
/// Errors:  cuda::error where cuSOLVER refuses, as without a device
class cusolver_handle {
 public:
  explicit cusolver_handle(const backend& on) : cusolver_handle(on.cusolver) {
    check(cusolverDnSetStream(handle_, on.stream), "cusolverDnSetStream");
  }
  cusolver_handle(const cusolver_handle&) = delete;
  cusolver_handle& operator=(const cusolver_handle&) = delete;
  /// A destructor cannot report what fails; a new handle may wait for the device here.
  ~cusolver_handle() {
    if (!own_) static_cast<void>(cusolverDnSetStream(handle_, stream_));
  }

  cusolverDnHandle_t get() const { return handle_; }

 private:
  struct destroy {
    void operator()(cusolverDnContext* handle) const {
      static_cast<void>(cusolverDnDestroy(handle));
    }
  };
  static cusolverDnHandle_t make() {
    cusolverDnHandle_t handle = nullptr;
    check(cusolverDnCreate(&handle), "cusolverDnCreate");
    return handle;
  }
  explicit cusolver_handle(cusolverDnHandle_t given)
      : own_(given == nullptr ? make() : nullptr), handle_(own_ ? own_.get() : given) {
    check(cusolverDnGetStream(handle_, &stream_), "cusolverDnGetStream");
  }

  std::unique_ptr<cusolverDnContext, destroy> own_;
  cusolverDnHandle_t handle_;
  cudaStream_t stream_ = nullptr;
};

}  // namespace openquant::cuda
