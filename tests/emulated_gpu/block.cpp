// SPDX-License-Identifier: Apache-2.0
#undef _FORTIFY_SOURCE  // it refuses longjmp to another stack
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>
#include <random>
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

#include "emulated_gpu/cuda_runtime_api.h"

uint3 threadIdx, blockIdx;

namespace {

constexpr std::size_t shared_unasked = 48 * 1024, shared_limit = 163 * 1024, beyond = 4096;
constexpr unsigned warp = 32, most_threads = 1024;

}  // namespace

namespace openquant::cuda {

/// What `extern __shared__` in launch.cuh names.
extern unsigned char shared_memory[shared_limit + beyond];
alignas(16) unsigned char shared_memory[shared_limit + beyond];

}  // namespace openquant::cuda

namespace emulated_gpu {
namespace {

using openquant::cuda::shared_memory;

enum class state { unbegun, ready, at_warp, at_block, lost, done };

/// A thread of a block: a stack, where on it to go on, and how far it has come.
struct thread {
  ucontext_t context;
  jmp_buf here;
  state is;
  unsigned parity;  // of its exchanges so far
};

std::vector<thread> threads(most_threads);
std::array<std::array<std::uint64_t, most_threads>, 2> passed;  // by parity, thread
ucontext_t first_scheduler;
jmp_buf scheduler;
const std::function<void()>* body = nullptr;

constexpr std::size_t stack_size = 256 * 1024;

/// Stacks, each above a page that nobody may touch.
char* stack_of(unsigned t) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  static char* const all = [] {
    const std::size_t each = page + stack_size;
    void* p = mmap(nullptr, most_threads * each, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) std::abort();
    char* const first = static_cast<char*>(p);
    for (unsigned i = 0; i < most_threads; ++i) mprotect(first + i * each, page, PROT_NONE);
    return first;
  }();
  return all + t * (page + stack_size) + page;
}

// A stack is entered by swapcontext once, and then by longjmp, which asks nothing of the kernel.

void start_thread() {
  (*body)();
  threads[threadIdx.x].is = state::done;
  _longjmp(scheduler, 1);
}

void prepare(thread& t, char* stack) {
  t.is = state::unbegun;
  t.parity = 0;
  getcontext(&t.context);
  t.context.uc_stack.ss_sp = stack;
  t.context.uc_stack.ss_size = stack_size;
  t.context.uc_link = nullptr;
  makecontext(&t.context, start_thread, 0);
}

void wait_as(state s) {
  thread& own = threads[threadIdx.x];
  own.is = s;
  if (_setjmp(own.here) == 0) _longjmp(scheduler, 1);
}

/// Lets a thread run until it waits or has ended.
void resume(unsigned t) {
  thread& it = threads[t];
  const bool begun = it.is != state::unbegun;
  threadIdx = {t, 0, 0};
  it.is = state::ready;
  if (_setjmp(scheduler) != 0) return;
  if (begun) _longjmp(it.here, 1);
  swapcontext(&first_scheduler, &it.context);
}

/// Lets those go on for whom all others have come. False where nobody can.
bool release(unsigned count) {
  bool any = false;
  for (unsigned first = 0; first < count; first += warp) {
    const auto begin = threads.begin() + first, end = begin + warp;
    if (!std::all_of(begin, end, [](const thread& t) { return t.is == state::at_warp; })) continue;
    std::for_each(begin, end, [](thread& t) { t.is = state::ready; });
    any = true;
  }
  const auto end = threads.begin() + count;
  const auto exchanges = [](const thread& t) {
    return t.is == state::at_warp || t.is == state::lost;
  };
  if (any || std::any_of(threads.begin(), end, exchanges)) return any;
  std::for_each(threads.begin(), end, [](thread& t) {
    if (t.is == state::at_block) t.is = state::ready;
  });
  return true;
}

std::mt19937 draw(1);

bool run_block(unsigned count) {
  std::vector<unsigned> order(count);
  for (unsigned t = 0; t < count; ++t) {
    order[t] = t;
    prepare(threads[t], stack_of(t));
  }
  const auto done = [&] {
    return std::all_of(threads.begin(), threads.begin() + count,
                       [](const thread& t) { return t.is == state::done; });
  };
  while (!done()) {
    std::shuffle(order.begin(), order.end(), draw);
    for (const unsigned t : order) {
      if (threads[t].is == state::unbegun || threads[t].is == state::ready) resume(t);
    }
    if (!done() && !release(count)) {
      std::fprintf(stderr, "emulated gpu: an exchange without a partner\n");
      return false;
    }
  }
  return true;
}

std::map<const void*, std::size_t>& shared_allowed() {
  static std::map<const void*, std::size_t> of_kernel;
  return of_kernel;
}

}  // namespace

void wait_for_block() { wait_as(state::at_block); }

std::uint64_t exchanged(unsigned lanes, std::uint64_t own, int mask) {
  if (lanes != 0xffffffffu || mask < 1 || mask >= int{warp}) wait_as(state::lost);
  // A thread can be one exchange ahead of its partner, not two.
  auto& now = passed[threads[threadIdx.x].parity ^= 1];
  now[threadIdx.x] = own;
  wait_as(state::at_warp);
  return now[threadIdx.x ^ static_cast<unsigned>(mask)];
}

bool allow_shared_memory(const void* entry, int bytes) {
  if (bytes < 0 || static_cast<std::size_t>(bytes) > shared_limit) return false;
  shared_allowed()[entry] = static_cast<std::size_t>(bytes);
  return true;
}

bool launch(kernel k, CUstream_st* stream) {
  const auto allowed = shared_allowed().find(k.entry);
  const std::size_t most =
      std::max(shared_unasked, allowed == shared_allowed().end() ? 0 : allowed->second);
  if (k.blocks == 0 || k.blocks > 0x7fffffff || k.threads == 0 || k.threads > most_threads ||
      k.threads % warp != 0 || k.shared_bytes > most) {
    return false;
  }
  enqueue(stream, [k = std::move(k)] { return run(k); });
  return true;
}

bool run(const kernel& k) {
  body = &k.body;
  std::vector<unsigned> order(k.blocks);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), draw);
  for (const unsigned b : order) {
    blockIdx = {b, 0, 0};
    std::memset(shared_memory, 0xff, k.shared_bytes + beyond);
    if (!run_block(k.threads)) return false;
    const unsigned char* end = shared_memory + k.shared_bytes;
    if (std::any_of(end, end + beyond, [](unsigned char c) { return c != 0xff; })) {
      std::fprintf(stderr, "emulated gpu: a write beyond %zu bytes of shared memory\n",
                   k.shared_bytes);
      return false;
    }
  }
  return true;
}

}  // namespace emulated_gpu
