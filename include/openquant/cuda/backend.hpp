// SPDX-License-Identifier: Apache-2.0
#pragma once

struct CUstream_st;        // the pointees of CUDA's cudaStream_t,
struct cublasContext;      // of cublasHandle_t
struct cusolverDnContext;  // and of cusolverDnHandle_t

namespace openquant::cuda {

class workspace;

/// Where work goes: a stream of the caller's. Everything here is put on that stream and returns at
/// once; nothing is allocated but what a `device_matrix` owns, and nothing waits but what says so.
///
/// What calls cuBLAS or cuSOLVER takes the caller's handle. Where there is none, one is made for
/// the call, whose destruction at the end waits for the device.
///
/// Memory comes from the caller's workspace, or, where there is none, from the device's pool in
/// stream order. With a workspace and both handles, nothing is asked of the device but work.
struct backend {
  CUstream_st* stream = nullptr;  ///< null is CUDA's default stream
  cublasContext* cublas = nullptr;
  cusolverDnContext* cusolver = nullptr;
  workspace* memory = nullptr;
};

}  // namespace openquant::cuda
