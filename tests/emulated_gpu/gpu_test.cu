// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <doctest/doctest.h>
#include <unistd.h>
#include <vector>

#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/launch.cuh>

#include "cuda/own_stream.hpp"

/// That the emulated GPU shows the faults which it is there to show.
namespace {

using namespace openquant;

/// y[i] <- value, or at first what the memory holds.
struct write {
  static constexpr int threads = 64, resident = 1;
  struct shared {};
  float* y;
  float value;

  template <class Block>
  void operator()(Block& block, shared&) const {
    block.each([&](int t) { y[t] = value; });
  }
};

/// y[i] <- the number of thread i ^ 1, by shared memory, with or without a barrier in between.
template <bool barrier>
struct neighbour {
  static constexpr int threads = 64, resident = 1;
  struct shared {
    float number[threads];
  };
  float* y;

  template <class Block>
  void operator()(Block& block, shared& memory) const {
    const auto store = [&](int t) { memory.number[t] = static_cast<float>(t); };
    if constexpr (barrier)
      block.run(store);
    else
      block.each(store);
    block.each([&](int t) { y[block.index() * threads + t] = memory.number[t ^ 1]; });
  }
};

/// Thread 0 leaves before the warp's exchange.
struct lonely {
  static constexpr int threads = 32, resident = 1;
  struct shared {};

  template <class Block>
  void operator()(Block&, shared&) const {
    if (threadIdx.x > 0) static_cast<void>(__shfl_xor_sync(0xffffffffu, 1.0f, 1));
  }
};

/// Half of the lanes are asked, or lanes of another warp.
struct impossible {
  static constexpr int threads = 64, resident = 1;
  struct shared {};
  unsigned lanes;
  int mask;

  template <class Block>
  void operator()(Block&, shared&) const {
    static_cast<void>(__shfl_xor_sync(lanes, 1.0f, mask));
  }
};

struct beyond_shared {
  static constexpr int threads = 32, resident = 1;
  struct shared {
    float x[8];
  };

  template <class Block>
  void operator()(Block& block, shared& memory) const {
    float* x = memory.x;
    block.each([&](int t) { x[t] = 1; });
  }
};

std::vector<float> read(const cuda::backend& on, const cuda::device_matrix<float>& y) {
  std::vector<float> x(static_cast<std::size_t>(y.cols()));
  cuda::copy(on, y.view(), matrix_view<float>(x.data(), 1, y.cols()));
  cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
  return x;
}

TEST_SUITE("device") {
  TEST_CASE("emulated_gpu: memory starts as NaN, and work when its stream is waited for") {
    cudaStream_t streams[2];
    for (auto& stream : streams) cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    const cuda::backend on{.stream = streams[0]}, other{.stream = streams[1]};
    cuda::device_matrix<float> y(on, 1, 64);
    for (const float value : read(on, y)) CHECK(std::isnan(value));
    cuda::launch(on, write{y.data(), 1}, 1, "write");
    CHECK(std::isnan(read(other, y)[63]));
    CHECK(read(on, y)[63] == 1);
    y = {};
    for (auto& stream : streams) cudaStreamDestroy(stream);
  }

  TEST_CASE("emulated_gpu: the default stream waits for others, if they are blocking ones") {
    cudaStream_t blocking = nullptr;
    cudaStreamCreate(&blocking);
    const test::own_stream other;
    cuda::device_matrix<float> y(cuda::backend{}, 1, 64), z(cuda::backend{}, 1, 64);
    cuda::launch(cuda::backend{.stream = blocking}, write{y.data(), 1}, 1, "write");
    cuda::launch(other.backend(), write{z.data(), 1}, 1, "write");
    cudaStreamSynchronize(nullptr);  // nothing on it yet that would wait
    CHECK(read(cuda::backend{}, y)[0] == 1);
    CHECK(std::isnan(read(cuda::backend{}, z)[0]));
    cudaStreamDestroy(blocking);
  }

  TEST_CASE("emulated_gpu: what is recorded is not done, and may not wait or allocate") {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    cuda::device_matrix<float> y(on, 1, 64);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    void* memory = nullptr;
    CHECK(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeThreadLocal) ==
          cudaErrorStreamCaptureUnsupported);
    REQUIRE(cudaStreamBeginCapture(on.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    cuda::launch(on, write{y.data(), 1}, 1, "write");
    CHECK(cudaStreamSynchronize(on.stream) == cudaErrorStreamCaptureUnsupported);
    CHECK(cudaMallocAsync(&memory, 64, on.stream) == cudaErrorStreamCaptureUnsupported);
    REQUIRE(cudaStreamEndCapture(on.stream, &graph) == cudaSuccess);
    REQUIRE(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess);
    CHECK(std::isnan(read(on, y)[63]));
    REQUIRE(cudaGraphLaunch(executable, on.stream) == cudaSuccess);
    CHECK(read(on, y)[63] == 1);
    cudaGraphExecDestroy(executable);
    cudaGraphDestroy(graph);
  }

  TEST_CASE("emulated_gpu: device memory is closed to the host") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const cuda::device_matrix<float> y(cuda::backend{}, 1, 64);
    float x = 0;
    CHECK(::write(ends[1], &x, sizeof x) == sizeof x);
    CHECK(::write(ends[1], y.data(), sizeof x) == -1);
    close(ends[0]);
    close(ends[1]);
  }

  TEST_CASE("emulated_gpu: a barrier that is not there is missed") {
    const cuda::backend on;
    cuda::device_matrix<float> y(on, 1, 64 * 20);
    cuda::launch(on, neighbour<true>{y.data()}, 20, "neighbour");
    const std::vector<float> right = read(on, y);
    for (std::size_t i = 0; i < right.size(); ++i)
      CHECK(right[i] == static_cast<float>(i % 64 ^ 1));
    cuda::launch(on, neighbour<false>{y.data()}, 20, "neighbour");
    const std::vector<float> wrong = read(on, y);
    CHECK(std::any_of(wrong.begin(), wrong.end(), [](float x) { return std::isnan(x); }));
  }

  TEST_CASE("emulated_gpu: exchanges without a partner and writes beyond shared memory fail") {
    const cuda::backend on;
    cuda::launch(on, lonely{}, 1, "lonely");
    CHECK(cudaStreamSynchronize(on.stream) == cudaErrorLaunchFailure);
    cuda::launch(on, impossible{0xffffu, 1}, 1, "impossible");
    CHECK(cudaStreamSynchronize(on.stream) == cudaErrorLaunchFailure);
    cuda::launch(on, impossible{0xffffffffu, 32}, 1, "impossible");
    CHECK(cudaStreamSynchronize(on.stream) == cudaErrorLaunchFailure);
    cuda::launch(on, beyond_shared{}, 1, "beyond_shared");
    CHECK(cudaStreamSynchronize(on.stream) == cudaErrorLaunchFailure);
    CHECK(cudaStreamSynchronize(on.stream) == cudaSuccess);
  }

  TEST_CASE("emulated_gpu: shared memory has to be asked for, and has an end") {
    const auto take = [](std::size_t bytes) {
      return emulated_gpu::launch({nullptr, 1, 32, bytes, [] {}}, nullptr);
    };
    CHECK(take(48 * 1024));
    CHECK_FALSE(take(48 * 1024 + 1));
    CHECK(emulated_gpu::allow_shared_memory(nullptr, 163 * 1024));
    CHECK(take(163 * 1024));
    CHECK_FALSE(emulated_gpu::allow_shared_memory(nullptr, 163 * 1024 + 1));
    CHECK(cudaStreamSynchronize(nullptr) == cudaSuccess);
  }
}

}  // namespace
