// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "emulated_gpu/cuda_runtime_api.h"

struct CUstream_st {
  bool blocking;  // the default stream and this one wait for each other
  bool destroyed = false;
};

struct CUgraph_st {
  std::vector<std::function<bool()>> work;
};
struct CUgraphExec_st {
  std::vector<std::function<bool()>> work;
};

namespace {

/// Device memory: pages of its own, closed but while a stream runs, and one that is always closed.
class device_memory {
 public:
  void* allocate(std::size_t bytes) {
    const std::size_t used = (bytes + 15) / 16 * 16, open = (used + page - 1) / page * page;
    void* pages = mmap(nullptr, open + page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) return nullptr;
    std::memset(pages, 0xff, open);
    void* const memory = static_cast<char*>(pages) + open - used;
    mprotect(pages, open + page, PROT_NONE);
    blocks_[memory] = {pages, open};
    return memory;
  }
  void release(void* memory) {
    const auto block = blocks_.find(memory);
    munmap(block->second.first, block->second.second + page);
    blocks_.erase(block);
  }
  void protect(int how) {
    for (const auto& block : blocks_) mprotect(block.second.first, block.second.second, how);
  }

 private:
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::map<void*, std::pair<void*, std::size_t>> blocks_;
};

device_memory memory;
/// Bytes in use, in the order in which the host asks for them and gives them back.
std::map<void*, std::uint64_t> sizes;
std::uint64_t in_use = 0, most_in_use = 0;

std::deque<CUstream_st> streams;  // all there ever were
std::deque<std::pair<cudaStream_t, std::function<bool()>>> work;

cudaStream_t recorded = nullptr;  // no default stream
cudaGraph_t record = nullptr;

bool is_recorded(cudaStream_t stream) { return stream != nullptr && stream == recorded; }

bool waits_for(cudaStream_t one, cudaStream_t other) {
  if (one == other) return true;
  if (one != nullptr && other != nullptr) return false;
  return (one == nullptr ? other : one)->blocking;
}

/// Does what is on a stream, and what that waits for.
cudaError_t synchronize(cudaStream_t stream) {
  std::deque<std::pair<cudaStream_t, std::function<bool()>>> due, later;
  for (; !work.empty(); work.pop_back()) {
    auto& last = work.back();
    bool needed = last.first == stream;
    for (const auto& item : due) needed = needed || waits_for(item.first, last.first);
    (needed ? due : later).push_front(std::move(last));
  }
  work = std::move(later);
  bool done = true;
  memory.protect(PROT_READ | PROT_WRITE);
  for (const auto& item : due) done = item.second() && done;
  memory.protect(PROT_NONE);
  return done ? cudaSuccess : cudaErrorLaunchFailure;
}

}  // namespace

bool emulated_gpu::present() { return std::getenv("EMULATED_GPU_ABSENT") == nullptr; }

void emulated_gpu::enqueue(CUstream_st* stream, std::function<bool()> task) {
  if (stream != nullptr && stream->destroyed) {
    std::fprintf(stderr, "emulated gpu: work on a stream that has been destroyed\n");
    std::abort();
  }
  if (is_recorded(stream))
    record->work.push_back(std::move(task));
  else
    work.emplace_back(stream, std::move(task));
}

const char* cudaGetErrorName(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
  }
  return "unrecognized error code";
}
const char* cudaGetErrorString(cudaError_t e) {
  return e == cudaErrorMemoryAllocation ? "out of memory" : "emulated";
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (!emulated_gpu::present()) return cudaErrorNoDevice;
  *stream = &streams.emplace_back(CUstream_st{flags != cudaStreamNonBlocking});
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {  // what is on it is still to be done
  stream->destroyed = true;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return is_recorded(stream) ? cudaErrorStreamCaptureUnsupported : synchronize(stream);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr || recorded != nullptr) return cudaErrorStreamCaptureUnsupported;
  recorded = stream;
  record = new CUgraph_st;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (!is_recorded(stream)) return cudaErrorInvalidValue;
  *graph = std::exchange(record, nullptr);
  recorded = nullptr;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  *executable = new CUgraphExec_st{graph->work};
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  for (const auto& task : executable->work) emulated_gpu::enqueue(stream, task);
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = emulated_gpu::present() ? 1 : 0;
  return emulated_gpu::present() ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaGetDevice(int* device) {
  if (!emulated_gpu::present()) return cudaErrorNoDevice;
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  if (!emulated_gpu::present()) return cudaErrorNoDevice;
  *value = 4;
  return cudaSuccess;
}

cudaError_t cudaMallocAsync(void** place, std::size_t bytes, cudaStream_t stream) {
  if (!emulated_gpu::present()) return cudaErrorNoDevice;
  if (is_recorded(stream)) return cudaErrorStreamCaptureUnsupported;
  *place = memory.allocate(bytes);
  if (*place == nullptr) return cudaErrorMemoryAllocation;
  in_use += sizes[*place] = bytes;
  most_in_use = std::max(most_in_use, in_use);
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* p, cudaStream_t stream) {
  const auto size = sizes.find(p);
  if (size == sizes.end()) return cudaErrorInvalidValue;
  in_use -= size->second;
  sizes.erase(size);
  emulated_gpu::enqueue(stream, [p] {
    memory.release(p);
    return true;
  });
  return cudaSuccess;
}
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) {
  *pool = nullptr;
  return cudaSuccess;
}
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value) {
  std::memcpy(value, &most_in_use, sizeof most_in_use);
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value) {
  std::uint64_t zero = 0;
  if (std::memcmp(value, &zero, sizeof zero) != 0) return cudaErrorInvalidValue;
  most_in_use = in_use;
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* p, int value, std::size_t bytes, cudaStream_t stream) {
  emulated_gpu::enqueue(stream, [=] {
    std::memset(p, value, bytes);
    return true;
  });
  return cudaSuccess;
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind, cudaStream_t stream) {
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidValue;
  emulated_gpu::enqueue(stream, [=] {
    for (std::size_t i = 0; i < height; ++i) {
      std::memcpy(static_cast<char*>(to) + i * to_pitch,
                  static_cast<const char*>(from) + i * from_pitch, width);
    }
    return true;
  });
  return cudaSuccess;
}
