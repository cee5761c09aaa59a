// SPDX-License-Identifier: Apache-2.0
#pragma once

struct CUstream_st;  // the pointee of CUDA's cudaStream_t

namespace openquant::cuda {

/// Where work goes: a stream of the caller's. Everything here is put on that stream and returns at
/// once; nothing waits, and nothing is allocated but what a `device_matrix` owns.
struct backend {
  CUstream_st* stream = nullptr;  ///< null is CUDA's default stream
};

}  // namespace openquant::cuda
