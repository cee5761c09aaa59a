// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <openquant/core/config.hpp>

namespace openquant {

/// Runs independent tasks 0, ..., n - 1, in any order, on any threads, and returns when all are
/// done. The library cuts work into tasks by the problem's size alone, so results do not depend on
/// the executor. An engine passes its own pool by giving it this one member.
template <class X>
concept Executor = requires(X x, index_t n, void (*task)(index_t)) {
  x.run(n, task);
};

/// The calling thread does everything.
struct serial {
  template <class Task>
  void run(index_t n, Task&& task) const {
    for (index_t i = 0; i < n; ++i) task(i);
  }
};

/// `count` threads take the next task each, started anew at every call. The first exception that a
/// task throws reaches the caller after all threads have stopped.
struct threads {
  index_t count = static_cast<index_t>(std::max(1u, std::thread::hardware_concurrency()));

  template <class Task>
  void run(index_t n, Task&& task) const {
    const index_t helpers = std::min(count, n) - 1;
    if (helpers <= 0) return serial{}.run(n, task);
    std::atomic<index_t> next{0};
    std::exception_ptr failure;
    std::mutex guard;
    const auto work = [&] {
      for (index_t i; (i = next.fetch_add(1)) < n;) {
        try {
          task(i);
        } catch (...) {
          const std::lock_guard lock(guard);
          if (!failure) failure = std::current_exception();
          next = n;
        }
      }
    };
    {
      std::vector<std::jthread> crew;
      for (index_t k = 0; k < helpers; ++k) crew.emplace_back(work);
      work();
    }
    if (failure) std::rethrow_exception(failure);
  }
};

}  // namespace openquant
