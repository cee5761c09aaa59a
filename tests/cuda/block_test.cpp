// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/cuda/block.hpp>

namespace {

using namespace openquant;
using cuda::run_on_host, cuda::thread_order;

/// y[b] = the sums of x over each warp, by shuffles; reversed in the block through shared memory.
struct reverse_sums {
  static constexpr int threads = 96, resident = 1;
  struct shared {
    float sum[threads];
  };
  const float* x;
  float* y;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    auto r = block.template per_thread<float>();
    block.each([&](int t) { r[t] = x[block.index() * threads + t]; });
    cuda::add_over_warp(block, r);
    block.run([&](int t) { memory.sum[t] = r[t]; });
    block.each([&](int t) { y[block.index() * threads + t] = memory.sum[threads - 1 - t]; });
  }
};

/// Breaks the rule: a thread reads what its neighbour writes in the same phase.
struct race {
  static constexpr int threads = 32, resident = 1;
  struct shared {
    int at[threads + 1];
  };
  int* y;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    block.run([&](int t) { memory.at[t] = memory.at[t + 1] = 0; });
    block.run([&](int t) { memory.at[t + 1] = memory.at[t] + 1; });
    block.each([&](int t) { y[t] = memory.at[t + 1]; });
  }
};

/// What a thread finds in shared memory that nobody wrote.
struct reads_unset {
  static constexpr int threads = 32, resident = 1;
  struct shared {
    float x[threads];
  };
  float* y;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    block.each([&](int t) { y[t] = memory.x[t]; });
  }
};

/// Several values a thread, by component and by number.
struct many_values {
  static constexpr int threads = 64, resident = 1;
  struct shared {};
  float* y;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    auto v = block.template per_thread<vec<float, 2>, 3>();
    block.each([&](int t) {
      for (index_t i = 0; i < 3; ++i) v[i][t] = {static_cast<float>(t), static_cast<float>(i)};
    });
    for (index_t i = 0; i < 3; ++i) {
      const auto other = block.partner(v[i], 4);
      block.each([&](int t) { v[i][t] = v[i][t] * 100.0f + other[t]; });
    }
    block.each([&](int t) {
      for (index_t i = 0; i < 3; ++i) {
        y[(t * 3 + i) * 2] = v[i][t][0];
        y[(t * 3 + i) * 2 + 1] = v[i][t][1];
      }
    });
  }
};

/// The least of a block of its x.
struct least {
  static constexpr int threads = 96, resident = 1;
  struct shared {
    int of_warp[3];
  };
  const int* x;
  int* y;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    auto v = block.template per_thread<int>();
    block.each([&](int t) { v[t] = x[block.index() * threads + t]; });
    least_of_warps(block, v, memory.of_warp);
    block.each([&](int t) { y[block.index() * threads + t] = cuda::least_of(memory.of_warp); });
  }
};

TEST_CASE("cuda::block: the least of a block, in every thread") {
  std::vector<int> x(96 * 96), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {  // block b has it in thread b
    x[i] = i / 96 == i % 96 ? static_cast<int>(i) - 20000 : static_cast<int>(i * 7919 % 1000);
  }
  for (const auto order : {thread_order::ascending, thread_order::descending}) {
    run_on_host(least{x.data(), y.data()}, 96, order);
    for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(y[i] == x[i / 96 * 97]);
  }
}

/// Each warp once, its number to its place.
struct numbers_warps {
  static constexpr int threads = 96, resident = 1;
  struct shared {
    int warp[3];
  };
  int* y;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    block.run([&](int t) {
      if (t < 3) memory.warp[t] = 0;
    });
    block.run_warps([&](int w) { memory.warp[w] += 1 + w; });
    block.each([&](int t) { y[t] = memory.warp[t / 32]; });
  }
};

TEST_CASE("cuda::block: a phase of warps calls each once on the host") {
  for (const auto order : {thread_order::ascending, thread_order::descending}) {
    std::vector<int> y(96);
    run_on_host(numbers_warps{y.data()}, 1, order);
    for (std::size_t t = 0; t < 96; ++t) CHECK(y[t] == 1 + static_cast<int>(t) / 32);
  }
}

TEST_CASE("cuda::block: phases, shuffles, registers and shared memory") {
  std::vector<float> x(2 * 96), up(x.size()), down(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  run_on_host(reverse_sums{x.data(), up.data()}, 2);
  run_on_host(reverse_sums{x.data(), down.data()}, 2, thread_order::descending);
  CHECK(up == down);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t warp = i / 96 * 3 + 2 - i % 96 / 32;
    CHECK(up[i] == 32.0f * static_cast<float>(32 * warp) + 31.0f * 16.0f);
  }
}

TEST_CASE("cuda::block: what a thread keeps, and gives its partner") {
  std::vector<float> y(64 * 3 * 2);
  run_on_host(many_values{y.data()}, 1);
  for (int t = 0; t < 64; ++t) {
    for (int i = 0; i < 3; ++i) {
      CHECK(y[static_cast<std::size_t>((t * 3 + i) * 2)] == static_cast<float>(t * 100 + (t ^ 4)));
      CHECK(y[static_cast<std::size_t>((t * 3 + i) * 2 + 1)] == static_cast<float>(i * 101));
    }
  }
}

TEST_CASE("cuda::block: the two orders tell a race") {
  std::vector<int> up(32), down(32);
  run_on_host(race{up.data()}, 1);
  run_on_host(race{down.data()}, 1, thread_order::descending);
  CHECK(up != down);
}

TEST_CASE("cuda::block: shared memory that nobody wrote is NaN, in every block") {
  std::vector<float> y(32);
  run_on_host(reads_unset{y.data()}, 2);
  for (const float v : y) CHECK(std::isnan(v));
}

}  // namespace
