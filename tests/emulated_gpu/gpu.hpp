// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

struct CUstream_st;

/// A GPU on the host, as unhelpful as a real one may be, for tests of what nvcc would compile.
///
/// What is put on a stream is not begun before somebody waits for that stream. Device memory starts
/// as bits that read as NaN, ends at a page that nobody may touch, and cannot be read or written
/// by the host. The threads of a block run one at a time up to the next barrier, in an order that
/// is drawn anew after each, so that a thread cannot rely on what another does between two.
namespace emulated_gpu {

// Called by a kernel's threads.

/// A barrier of the block's threads that have not ended.
void wait_for_block();
/// What thread t ^ mask of the warp, whose threads all call it, has passed as its own.
std::uint64_t exchanged(unsigned lanes, std::uint64_t own, int mask);

// Called by the host.

/// False where the environment has EMULATED_GPU_ABSENT: every call then says that there is none.
bool present();

struct kernel {
  const void* entry;
  unsigned blocks, threads;
  std::size_t shared_bytes;
  std::function<void()> body;  ///< what one thread does
};
/// False where that is more than a multiprocessor has.
bool allow_shared_memory(const void* entry, int bytes);
/// False where the kernel needs what it may not have; else it is put on the stream.
bool launch(kernel, CUstream_st*);

/// Runs it. False where threads wait for each other, or one has written beyond shared memory.
bool run(const kernel&);

/// Puts work on a stream: it returns false where it has failed.
void enqueue(CUstream_st*, std::function<bool()>);

}  // namespace emulated_gpu
