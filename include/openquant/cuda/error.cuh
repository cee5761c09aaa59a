// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include <openquant/core/error.hpp>

namespace openquant::cuda {

/// What a call of CUDA, cuBLAS or cuSOLVER has refused: the message has the call, what it was about
/// and the library's name for the failure. `code` is the library's number.
struct error : openquant::error {
  error(const std::string& message, int number) : openquant::error(message), code(number) {}
  int code;
};

inline std::string status_name(cudaError_t status) {
  return std::string(cudaGetErrorName(status)) + ", " + cudaGetErrorString(status);
}
inline std::string status_name(cublasStatus_t status) { return cublasGetStatusName(status); }
/// cuSOLVER has no function for this.
inline std::string status_name(cusolverStatus_t status) {
  switch (status) {
    case CUSOLVER_STATUS_NOT_INITIALIZED:
      return "CUSOLVER_STATUS_NOT_INITIALIZED";
    case CUSOLVER_STATUS_ALLOC_FAILED:
      return "CUSOLVER_STATUS_ALLOC_FAILED";
    case CUSOLVER_STATUS_INVALID_VALUE:
      return "CUSOLVER_STATUS_INVALID_VALUE";
    case CUSOLVER_STATUS_ARCH_MISMATCH:
      return "CUSOLVER_STATUS_ARCH_MISMATCH";
    case CUSOLVER_STATUS_EXECUTION_FAILED:
      return "CUSOLVER_STATUS_EXECUTION_FAILED";
    case CUSOLVER_STATUS_INTERNAL_ERROR:
      return "CUSOLVER_STATUS_INTERNAL_ERROR";
    default:
      return "status " + std::to_string(static_cast<int>(status));
  }
}

/// Throws `error` unless the status says success. The parts that follow say what the call was
/// about, as in `openquant::fail`:
///
///   check(cudaMallocAsync(&p, bytes, stream), "cudaMallocAsync", " of ", bytes, " bytes");
template <class Status, class... About>
void check(Status status, const char* call, const About&... about) {
  if (static_cast<int>(status) == 0) return;  // success is 0 in all three libraries
  std::string message = "cuda: ";
  ((message += call) += ... += to_text(about));
  throw error(message + ": " + status_name(status), static_cast<int>(status));
}

static_assert(cudaSuccess == 0 && CUBLAS_STATUS_SUCCESS == 0 && CUSOLVER_STATUS_SUCCESS == 0);

}  // namespace openquant::cuda
