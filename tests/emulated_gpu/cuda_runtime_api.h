// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "emulated_gpu/gpu.hpp"

/// What the library and its device tests use of CUDA's runtime, by CUDA's names and signatures, on
/// the emulated GPU: for units compiled with __CUDA_ARCH__ but without nvcc.

#define __global__
#define __device__
#define __host__
#define __shared__
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

enum cudaError_t : int {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorNoDevice = 100,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
};
const char* cudaGetErrorName(cudaError_t);
const char* cudaGetErrorString(cudaError_t);

using cudaStream_t = CUstream_st*;
inline constexpr unsigned cudaStreamNonBlocking = 1;
cudaError_t cudaStreamCreate(cudaStream_t*);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t*, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t);
cudaError_t cudaStreamSynchronize(cudaStream_t);

/// While a stream is recorded, what waits for it or allocates in its order is refused; CUDA would
/// record an allocation.
struct CUgraph_st;
struct CUgraphExec_st;
using cudaGraph_t = CUgraph_st*;
using cudaGraphExec_t = CUgraphExec_st*;
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode);
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t*);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t*, cudaGraph_t, unsigned long long flags);
cudaError_t cudaGraphDestroy(cudaGraph_t);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t);
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t);

enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount = 16 };
cudaError_t cudaGetDeviceCount(int*);
cudaError_t cudaGetDevice(int*);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int device);

struct CUmemPoolHandle_st;
using cudaMemPool_t = CUmemPoolHandle_st*;
enum cudaMemPoolAttr { cudaMemPoolAttrUsedMemHigh = 8 };
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t*, int device);
/// The most bytes that were in use, a std::uint64_t; setting it to 0 starts anew.
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value);

enum cudaMemcpyKind { cudaMemcpyDefault = 4 };
cudaError_t cudaMallocAsync(void** memory, std::size_t bytes, cudaStream_t);
cudaError_t cudaFreeAsync(void* memory, cudaStream_t);
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t);
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind, cudaStream_t);

// Inside a kernel.
struct uint3 {
  unsigned x, y, z;
};
extern uint3 threadIdx, blockIdx;

inline void __syncthreads() { emulated_gpu::wait_for_block(); }

template <class T>
T __shfl_xor_sync(unsigned lanes, T own, int mask) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &own, sizeof(T));
  bits = emulated_gpu::exchanged(lanes, bits, mask);
  std::memcpy(&own, &bits, sizeof(T));
  return own;
}

inline float __int_as_float(std::int32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline std::int32_t __float_as_int(float value) {
  std::int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
/// c plus the low two halves of a, signed, times the low two bytes of b, signed.
inline int __dp2a_lo(int a, int b, int c) {
  return c + static_cast<std::int16_t>(a) * static_cast<std::int8_t>(b) +
         static_cast<std::int16_t>(a >> 16) * static_cast<std::int8_t>(b >> 8);
}

// Launching one. Dimensions y and z are 1.
struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
template <class Argument>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Argument), cudaFuncAttribute, int bytes) {
  const bool allowed = emulated_gpu::allow_shared_memory(reinterpret_cast<void*>(kernel), bytes);
  return allowed ? cudaSuccess : cudaErrorInvalidValue;
}
template <class Argument>
cudaError_t cudaLaunchKernel(void (*kernel)(Argument), dim3 grid, dim3 block, void** arguments,
                             std::size_t shared_bytes, cudaStream_t stream) {
  if (!emulated_gpu::present()) return cudaErrorNoDevice;
  const auto argument = *static_cast<const Argument*>(arguments[0]);
  const bool accepted = emulated_gpu::launch(
      {reinterpret_cast<void*>(kernel), grid.x, block.x, shared_bytes, [=] { kernel(argument); }},
      stream);
  return accepted ? cudaSuccess : cudaErrorInvalidConfiguration;
}
