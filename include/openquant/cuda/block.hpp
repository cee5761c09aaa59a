// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include <openquant/core/vec.hpp>

// A function of a kernel's body: device code under nvcc, an ordinary function elsewhere.
#if defined(__CUDACC__)
#define OPENQUANT_DEVICE __device__
#else
#define OPENQUANT_DEVICE
#endif

/// Kernels written once, for the threads of a CUDA block and for a loop on the host.
///
/// A kernel K is a struct: its members are the arguments, and its body works in phases.
///
///   K::threads      threads of a block, a multiple of 32
///   K::resident     blocks that are to fit a multiprocessor at a time: bounds registers
///   K::shared       what a block's threads share: trivially copyable, at first uninitialised
///   k(block, m)     the body of one block, a template on the kind of block; m its `shared`
///
/// What a block offers:
///
///   index()              which block of the grid this is
///   run(f)               f(t) for every thread t; all have done it before anyone goes on
///   run_warps(f)         f(w) by the threads of every warp w together, as a `team` of 32 calls it
///   each(f)              the same as run, and nobody waits: for what touches a thread's registers,
///                        its part of global memory, and shared memory only to read
///   per_thread<T>()      r: a T for each thread, r[t], that lasts from phase to phase; registers
///   per_thread<T, n>()   n of them, r[i][t]
///   partner(r, mask)     as many, of which thread t has what r has for thread t ^ mask of its warp
///
/// In a phase a thread may read what earlier phases have written, and what it has itself, but not
/// what another thread writes in that phase. What stands outside of phases must not depend on a
/// thread. `launch.cuh` runs a kernel on a GPU; `run_on_host` runs it here, in a unit that nvcc
/// does not compile.
namespace openquant::cuda {

inline constexpr int warp_size = 32;

/// Sums over the threads t, t ^ step, ..., t ^ 16 of a warp, in each of them; step a power of two.
template <class Block, class Registers>
OPENQUANT_DEVICE void add_over_warp(Block& block, Registers& r, int step = 1) {
  OPENQUANT_UNROLL
  for (int mask = warp_size / 2; mask >= step; mask /= 2) {
    const auto other = block.partner(r, mask);
    block.each([&](int t) { r[t] = r[t] + other[t]; });
  }
}

/// least[w] <- the least of what the threads of warp w have in r, which is lost. A phase.
template <class Block, class Registers, class T, std::size_t warps>
OPENQUANT_DEVICE void least_of_warps(Block& block, Registers& r, T (&least)[warps]) {
  OPENQUANT_UNROLL
  for (int mask = 1; mask < warp_size; mask *= 2) {
    const auto other = block.partner(r, mask);
    block.each([&](int t) { r[t] = other[t] < r[t] ? other[t] : r[t]; });
  }
  block.run([&](int t) {
    if (t % warp_size == 0) least[t / warp_size] = r[t];
  });
}
/// The least of these, so of the block.
template <class T, std::size_t warps>
OPENQUANT_DEVICE T least_of(const T (&least)[warps]) {
  T least_so_far = least[0];
  OPENQUANT_UNROLL
  for (std::size_t w = 1; w < warps; ++w) {
    least_so_far = least[w] < least_so_far ? least[w] : least_so_far;
  }
  return least_so_far;
}

#if !defined(__CUDACC__)  // there a body is device code, which the host cannot call

/// The order in which a host block goes through its threads: a body that keeps the rule about
/// phases cannot tell one from the other.
enum class thread_order { ascending, descending };

/// A block whose threads are turns of a loop.
class host_block {
 public:
  host_block(int threads, index_t index, thread_order order)
      : threads_(threads), index_(index), order_(order) {}

  index_t index() const { return index_; }

  template <class Phase>
  void run(const Phase& phase) const {
    for (int t = 0; t < threads_; ++t) {
      phase(order_ == thread_order::ascending ? t : threads_ - 1 - t);
    }
  }

  template <class Phase>
  void run_warps(const Phase& phase) const {
    const int warps = threads_ / warp_size;
    for (int w = 0; w < warps; ++w) {
      phase(order_ == thread_order::ascending ? w : warps - 1 - w);
    }
  }

  template <class Phase>
  void each(const Phase& phase) const {
    run(phase);
  }

  template <class T>
  class registers {
   public:
    explicit registers(int threads) : of_(static_cast<std::size_t>(threads)) {}
    T& operator[](int t) { return of_[static_cast<std::size_t>(t)]; }
    const T& operator[](int t) const { return of_[static_cast<std::size_t>(t)]; }

   private:
    std::vector<T> of_;
  };
  template <class T>
  registers<T> per_thread() const {
    return registers<T>(threads_);
  }
  template <class T, index_t n>
  std::vector<registers<T>> per_thread() const {
    return {static_cast<std::size_t>(n), registers<T>(threads_)};
  }
  template <class T>
  registers<T> partner(const registers<T>& r, int mask) const {
    registers<T> other(threads_);
    for (int t = 0; t < threads_; ++t) other[t] = r[t ^ mask];
    return other;
  }

 private:
  int threads_;
  index_t index_;
  thread_order order_;
};

/// Runs blocks 0, ..., blocks - 1 of a kernel, one after the other. Shared memory starts as bits
/// that read as NaN.
template <class Kernel>
void run_on_host(const Kernel& kernel, index_t blocks,
                 thread_order order = thread_order::ascending) {
  using shared = typename Kernel::shared;
  static_assert(Kernel::threads % warp_size == 0 && Kernel::resident >= 1);
  static_assert(std::is_trivially_copyable_v<shared>);
  const auto memory = std::make_unique<shared>();
  for (index_t b = 0; b < blocks; ++b) {
    std::memset(static_cast<void*>(memory.get()), 0xff, sizeof(shared));
    host_block block(Kernel::threads, b, order);
    kernel(block, *memory);
  }
}

#endif

}  // namespace openquant::cuda
