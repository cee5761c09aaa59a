// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <doctest/doctest.h>
#include <stdexcept>
#include <thread>
#include <vector>

#include <openquant/core/executor.hpp>

namespace {

using namespace openquant;

/// What an engine would bring: any object with this one member.
struct backwards {
  std::vector<index_t>* order;
  void run(index_t n, auto&& task) const {
    for (index_t i = n - 1; i >= 0; --i) order->push_back(i), task(i);
  }
};

struct wrong_member {
  void run(index_t) const {}
};

static_assert(Executor<serial> && Executor<threads> && Executor<backwards>);
static_assert(!Executor<int> && !Executor<wrong_member>);

TEST_CASE("executor: every task runs once") {
  for (const index_t count : {1, 2, 4, 9}) {
    for (const index_t n : {0, 1, 2, 3, 100}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(n));
      threads{count}.run(n, [&](index_t i) { ++runs[static_cast<std::size_t>(i)]; });
      for (const auto& r : runs) CHECK(r == 1);
    }
  }
}

TEST_CASE("executor: serial keeps the order and the thread") {
  std::vector<index_t> order;
  const auto caller = std::this_thread::get_id();
  bool same_thread = true;
  serial{}.run(5, [&](index_t i) {
    order.push_back(i);
    same_thread &= std::this_thread::get_id() == caller;
  });
  CHECK(order == std::vector<index_t>{0, 1, 2, 3, 4});
  CHECK(same_thread);
}

TEST_CASE("executor: two tasks that wait for each other need two threads") {
  std::atomic<int> arrived{0};
  threads{2}.run(2, [&](index_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  CHECK(arrived == 2);
}

TEST_CASE("executor: the exception of a task reaches the caller") {
  for (const index_t count : {1, 4}) {
    std::atomic<int> finished{0};
    const auto run = [&] {
      threads{count}.run(1000, [&](index_t i) {
        if (i == 3) throw std::runtime_error("task 3");
        ++finished;
      });
    };
    CHECK_THROWS_WITH_AS(run(), "task 3", std::runtime_error);
    CHECK(finished < 1000);
  }
  const auto all = [] { threads{4}.run(50, [](index_t) { throw 1; }); };
  CHECK_THROWS_AS(all(), int);
}

TEST_CASE("executor: the default uses the machine") { CHECK(threads{}.count >= 1); }

TEST_CASE("executor: an own type works") {
  std::vector<index_t> order;
  index_t sum = 0;
  backwards{&order}.run(4, [&](index_t i) { sum += i; });
  CHECK(sum == 6);
  CHECK(order == std::vector<index_t>{3, 2, 1, 0});
}

}  // namespace
