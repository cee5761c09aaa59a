// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/storage.hpp>

/// What the benches on a GPU share.
namespace openquant::bench {

/// The device that CUDA names first, with a stream of its own.
class gpu {
 public:
  gpu() {
    cuda::check(cudaGetDeviceProperties(&facts_, 0), "cudaGetDeviceProperties");
    cuda::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  ~gpu() { static_cast<void>(cudaStreamDestroy(stream_)); }
  gpu(const gpu&) = delete;
  gpu& operator=(const gpu&) = delete;

  cuda::backend on() const { return {stream_}; }

  std::string description() const {
    return std::string(facts_.name) + ", " + std::to_string(facts_.multiProcessorCount) +
           " multiprocessors, " + std::to_string(facts_.l2CacheSize >> 20) +
           " MiB of second-level cache, CUDA " + std::to_string(CUDART_VERSION / 1000) + "." +
           std::to_string(CUDART_VERSION % 1000 / 10);
  }

  index_t multiprocessors() const { return facts_.multiProcessorCount; }

  /// How many copies of so many bytes are twice the second-level cache, so that a pass over all
  /// finds none of them in it.
  index_t copies_beyond_cache(index_t bytes) const {
    return std::max(index_t{1}, (2 * index_t{facts_.l2CacheSize} + bytes - 1) / bytes);
  }

  /// Numbers of `some`, over and over.
  template <class T>
  void fill(const std::vector<T>& some, cuda::device_matrix<T>& to) const {
    const index_t total = to.rows() * to.cols();
    index_t done = std::min(static_cast<index_t>(some.size()), total);
    copy(some.data(), done, to.data());
    while (done < total) {
      const index_t more = std::min(done, total - done);
      copy(to.data(), more, to.data() + done);
      done += more;
    }
    wait();
  }

  /// Seconds of each pass, which puts work on the stream: the median of 21, measured in turns,
  /// after three that do not count. A pass is recorded once and replayed as a graph, so the time to
  /// launch its kernels from the host is no part of it.
  std::vector<double> medians(const std::vector<std::function<void()>>& passes) const {
    std::vector<graph> graphs;
    for (const auto& pass : passes) {
      pass();  // loads what is loaded at first use
      wait();
      graphs.push_back(recorded(pass));
    }
    return timed(passes.size(), 21, [&](std::size_t i) {
      cuda::check(cudaGraphLaunch(graphs[i].get(), stream_), "cudaGraphLaunch");
    });
  }
  /// The same for passes that wait or allocate, of 7: each is called, so what the host does between
  /// its kernels counts.
  std::vector<double> medians_of_calls(const std::vector<std::function<void()>>& passes) const {
    return timed(passes.size(), 7, [&](std::size_t i) { passes[i](); });
  }

  void wait() const { cuda::check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

  /// So many elements, from anywhere to anywhere, on the stream.
  template <class T>
  void copy(const T* from, index_t count, T* to) const {
    cuda::check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(T),
                                cudaMemcpyDefault, stream_),
                "cudaMemcpyAsync");
  }

 private:
  /// Seconds of run(0), ..., run(count - 1) between two events, medians.
  template <class Run>
  std::vector<double> timed(std::size_t count, int measured, const Run& run) const {
    constexpr int unmeasured = 3;
    cudaEvent_t begin, end;
    cuda::check(cudaEventCreate(&begin), "cudaEventCreate");
    cuda::check(cudaEventCreate(&end), "cudaEventCreate");
    std::vector<std::vector<float>> times(count);
    for (int k = 0; k < unmeasured + measured; ++k) {
      for (std::size_t i = 0; i < count; ++i) {
        cuda::check(cudaEventRecord(begin, stream_), "cudaEventRecord");
        run(i);
        cuda::check(cudaEventRecord(end, stream_), "cudaEventRecord");
        cuda::check(cudaEventSynchronize(end), "cudaEventSynchronize");
        float milliseconds = 0;
        cuda::check(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
        if (k >= unmeasured) times[i].push_back(milliseconds);
      }
    }
    static_cast<void>(cudaEventDestroy(begin));
    static_cast<void>(cudaEventDestroy(end));
    std::vector<double> seconds;
    for (auto& of_pass : times) {
      std::nth_element(of_pass.begin(), of_pass.begin() + measured / 2, of_pass.end());
      seconds.push_back(1e-3 *
                        static_cast<double>(of_pass[static_cast<std::size_t>(measured / 2)]));
    }
    return seconds;
  }

  struct destroy {
    void operator()(cudaGraphExec_t g) const { static_cast<void>(cudaGraphExecDestroy(g)); }
  };
  using graph = std::unique_ptr<CUgraphExec_st, destroy>;

  graph recorded(const std::function<void()>& pass) const {
    cudaGraph_t calls;
    cudaGraphExec_t executable;
    cuda::check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
                "cudaStreamBeginCapture");
    pass();
    cuda::check(cudaStreamEndCapture(stream_, &calls), "cudaStreamEndCapture");
    cuda::check(cudaGraphInstantiate(&executable, calls, 0), "cudaGraphInstantiate");
    cuda::check(cudaGraphDestroy(calls), "cudaGraphDestroy");
    return graph(executable);
  }

  cudaDeviceProp facts_{};
  cudaStream_t stream_ = nullptr;
};

/// 2^20 numbers of N(0,1).
template <cuda::Storage T>
std::vector<T> normals(std::uint64_t seed) {
  std::vector<T> x;
  for (std::uint64_t i = 0; i < 1 << 20; ++i) {
    x.push_back(cuda::narrowed<T>(random::normal(seed, i)));
  }
  return x;
}

/// Runs a bench, which prints its table; what main returns: 0, 1 for an error, or 77, by which
/// ctest knows that it was skipped, where there is no device.
template <class Bench>
int on_gpu(const Bench& bench) {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess || devices == 0) {
    std::printf("skipped: no CUDA device (%s)\n", cudaGetErrorString(status));
    return 77;
  }
#if !defined(NDEBUG)
  std::fputs("bench: assertions are on; build with CMAKE_BUILD_TYPE=Release\n", stderr);
  return EXIT_FAILURE;
#endif
  try {
    const gpu device;
    std::printf("%s\n\n", device.description().c_str());
    bench(device);
  } catch (const error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return EXIT_FAILURE;
  }
  return 0;
}

}  // namespace openquant::bench
