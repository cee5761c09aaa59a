// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/backend.hpp>
#include <openquant/cuda/error.cuh>

namespace openquant::test {

/// A stream that waits for no other: work that lands on the default stream is then missed.
class own_stream {
 public:
  own_stream() {
    cuda::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
                "cudaStreamCreateWithFlags");
  }
  own_stream(const own_stream&) = delete;
  own_stream& operator=(const own_stream&) = delete;
  ~own_stream() {
    static_cast<void>(cudaStreamSynchronize(stream_));
    static_cast<void>(cudaStreamDestroy(stream_));
  }

  cuda::backend backend() const { return {.stream = stream_}; }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace openquant::test
