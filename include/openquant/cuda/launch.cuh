// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>
#include <type_traits>

#include <openquant/cuda/backend.hpp>
#include <openquant/cuda/block.hpp>
#include <openquant/cuda/error.cuh>

namespace openquant::cuda {

/// A block of a GPU, as one of its threads sees it: `per_thread` is that thread's own registers,
/// and a phase ends in a barrier.
class device_block {
 public:
  OPENQUANT_DEVICE index_t index() const { return blockIdx.x; }

  template <class Phase>
  OPENQUANT_DEVICE void run(const Phase& phase) const {
    phase(static_cast<int>(threadIdx.x));
    __syncthreads();
  }

  template <class Phase>
  OPENQUANT_DEVICE void run_warps(const Phase& phase) const {
    phase(static_cast<int>(threadIdx.x) / warp_size);
    __syncthreads();
  }

  template <class Phase>
  OPENQUANT_DEVICE void each(const Phase& phase) const {
    phase(static_cast<int>(threadIdx.x));
  }

  template <class T>
  struct registers {
    T own;
    OPENQUANT_DEVICE T& operator[](int) { return own; }
    OPENQUANT_DEVICE const T& operator[](int) const { return own; }
  };
  template <class T>
  OPENQUANT_DEVICE registers<T> per_thread() const {
    return {};
  }
  template <class T, index_t n>
  OPENQUANT_DEVICE vec<registers<T>, n> per_thread() const {
    return {};
  }
  template <class T>
  OPENQUANT_DEVICE registers<T> partner(const registers<T>& r, int mask) const {
    return {exchanged(r.own, mask)};
  }

 private:
  template <class T>
  OPENQUANT_DEVICE static T exchanged(const T& own, int mask) {
    return __shfl_xor_sync(0xffffffffu, own, mask);
  }
  template <class T, index_t d>
  OPENQUANT_DEVICE static vec<T, d> exchanged(const vec<T, d>& own, int mask) {
    vec<T, d> other;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < d; ++i) other[i] = exchanged(own[i], mask);
    return other;
  }
};

/// The entry of every kernel. `static`, so that each program keeps its own copy: weak ones of two
/// shared libraries would be merged, and one built for another GPU be run.
template <class Kernel>
static __global__ void __launch_bounds__(Kernel::threads, Kernel::resident)
    execute(const __grid_constant__ Kernel kernel) {
  extern __shared__ __align__(16) unsigned char shared_memory[];
  device_block block;
  kernel(block, *reinterpret_cast<typename Kernel::shared*>(shared_memory));
}

/// Puts blocks 0, ..., blocks - 1 of a kernel on the stream. `name` and the shape go into the
/// message where CUDA refuses.
template <class Kernel, class... About>
void launch(const backend& on, const Kernel& kernel, index_t blocks, const char* name,
            const About&... about) {
  using shared = typename Kernel::shared;
  static_assert(Kernel::threads % warp_size == 0 && Kernel::threads <= 1024);
  static_assert(Kernel::resident >= 1 && alignof(shared) <= 16);
  static_assert(std::is_trivially_copyable_v<shared> && sizeof(Kernel) <= 4096);
  if (blocks == 0) return;
  if (blocks < 0 || blocks > std::numeric_limits<int>::max()) {
    fail("cuda: ", name, about..., ": ", blocks, " blocks");
  }
  constexpr auto bytes = sizeof(shared);
  if constexpr (bytes > 48 * 1024) {  // more has to be asked for
    check(cudaFuncSetAttribute(execute<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(bytes)),
          name, about..., ", ", bytes, " bytes of shared memory");
  }
  void* arguments[] = {const_cast<Kernel*>(&kernel)};
  check(cudaLaunchKernel(execute<Kernel>, dim3{static_cast<unsigned>(blocks)},
                         dim3{Kernel::threads}, arguments, bytes, on.stream),
        name, about...);
}

}  // namespace openquant::cuda
