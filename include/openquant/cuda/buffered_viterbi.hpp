// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <openquant/cuda/viterbi_cost.hpp>
#include <openquant/quantizer/viterbi.hpp>

namespace openquant::cuda {

/// The search of `quantizer::viterbi<B, L, T>` by one block with everything in shared memory: the
/// sums of all states before and after a step, the values, and what is remembered of each step, B
/// bits a prefix: which of the 2^B states that share it won.
///
/// Thread t has the prefixes t, t + threads, ..., reads the sums of the states that end in them and
/// writes those of the states that begin with them.
///
/// Memory:  2^L 6 + T (threads + 3) bytes; 89 KB at B = 2, L = 12, T = 256
template <int B, int L, index_t T>
struct buffered_viterbi {
  using search = quantizer::viterbi<B, L, T>;
  static constexpr int states = search::states, prefixes = search::prefixes;
  static constexpr int branches = search::branches;
  static constexpr int threads = std::min(256, prefixes), warps = threads / warp_size;
  static constexpr int own = prefixes / threads;
  static constexpr index_t history_words = 0;  // of global memory
  /// Whether there is a bit for what is to be remembered.
  static constexpr bool fits = prefixes >= warp_size && own * B <= 8;

  /// The 2^B states that follow one prefix.
  struct alignas(2 * branches < 16 ? 2 * branches : 16) successors {
    std::uint16_t x[branches];
  };
  struct shared {
    successors sum[2][prefixes];
    successors value[prefixes];  // signed numbers, as their bits
    std::uint8_t history[static_cast<std::size_t>(T)][threads];
    std::int16_t x[static_cast<std::size_t>(T)];       // the targets
    std::uint8_t symbol[static_cast<std::size_t>(T)];  // the path
    std::uint32_t least[warps];
    std::uint32_t seam;
  };

  /// What threads keep of the values from search to search: nothing, they are in shared memory.
  struct values {};
  template <class Block>
  OPENQUANT_DEVICE static values load_values(Block& block, shared& memory,
                                             const std::int16_t* value) {
    block.run([&](int t) {
      for (int s = t; s < states; s += threads) {
        memory.value[s >> B].x[s % branches] = static_cast<std::uint16_t>(value[s]);
      }
    });
    return {};
  }

  /// memory.symbol <- the cheapest closed path for memory.x.
  template <class Block>
  OPENQUANT_DEVICE static void closed_path(Block& block, shared& memory, const values&,
                                           const std::int16_t*, std::uint32_t*) {
    // Freely around the seam.
    int now = 0;
    block.run([&](int t) { start(memory, t, T - search::reach, -1); });
    auto least = block.template per_thread<std::uint32_t>();
    for (index_t i = 1; i < 2 * search::reach; ++i, now ^= 1) {
      block.run([&](int t) {
        const index_t at = (T - search::reach + i) % T;
        least[t] = step(memory, now, t, memory.x[at], memory.history[i]);
      });
      if (i % search::calm == 0) subtract_least(block, memory, least, now ^ 1);
    }
    // The last step's sums are those that `least` has seen, for 2 reach - 1 is not calm.
    static_assert((2 * search::reach - 1) % search::calm != 0);
    least_of_warps(block, least, memory.least);
    block.run([&](int t) {
      if (t != 0) return;
      std::uint32_t s = least_of(memory.least) & 0xffff;
      for (index_t i = 2 * search::reach - 1; i > search::reach; --i) s = before(memory, s, i);
      memory.seam = s >> B;
    });

    // Through the prefix found there.
    now = 0;
    block.run([&](int t) { start(memory, t, 0, static_cast<int>(memory.seam)); });
    for (index_t i = 1; i < T; ++i, now ^= 1) {
      block.run([&](int t) { least[t] = step(memory, now, t, memory.x[i], memory.history[i]); });
      if (i <= search::depth || i % search::calm == 0) {
        subtract_least(block, memory, least, now ^ 1);
      }
    }
    block.run([&](int t) {
      if (t != 0) return;
      std::uint32_t s = memory.seam;
      for (int h = 1; h < branches; ++h) {
        const std::uint32_t other = memory.seam + static_cast<std::uint32_t>(h * prefixes);
        if (sum_of(memory, now, other) < sum_of(memory, now, s)) s = other;
      }
      for (index_t i = T - 1; i >= 0; --i) {
        memory.symbol[i] = static_cast<std::uint8_t>(s % branches);
        if (i > 0) s = before(memory, s, i);
      }
    });
  }

 private:
  OPENQUANT_DEVICE static std::uint32_t sum_of(const shared& memory, int now, std::uint32_t s) {
    return memory.sum[now][s >> B].x[s % branches];
  }
  OPENQUANT_DEVICE static int cost_of(std::uint16_t value, int x) {
    return viterbi_cost(static_cast<std::int16_t>(value) - x);
  }

  /// Sums of the first step, `at`: of all states, or of those of one prefix alone.
  OPENQUANT_DEVICE static void start(shared& memory, int t, index_t at, int only) {
    OPENQUANT_UNROLL
    for (int j = 0; j < own; ++j) {
      const int p = t + j * threads;
      const successors value = memory.value[p];
      successors sum;
      OPENQUANT_UNROLL
      for (int c = 0; c < branches; ++c) {
        const int cost = only < 0 || only == p ? cost_of(value.x[c], memory.x[at]) : 65535;
        sum.x[c] = static_cast<std::uint16_t>(cost);
      }
      memory.sum[0][p] = sum;
    }
  }

  /// One step by one thread; the least of the sums that it writes, above the state's number.
  OPENQUANT_DEVICE static std::uint32_t step(shared& memory, int now, int t, int target,
                                             std::uint8_t* history) {
    std::uint32_t least = 0xffffffffu;
    int winners = 0;
    OPENQUANT_UNROLL
    for (int j = 0; j < own; ++j) {
      const int p = t + j * threads;
      int best = static_cast<int>(sum_of(memory, now, static_cast<std::uint32_t>(p))), winner = 0;
      OPENQUANT_UNROLL
      for (int h = 1; h < branches; ++h) {
        const auto s = static_cast<std::uint32_t>(p + h * prefixes);
        const int other = static_cast<int>(sum_of(memory, now, s));
        winner = other <= best ? h : winner;  // of equals the last
        best = other <= best ? other : best;
      }
      winners |= winner << (j * B);
      const successors value = memory.value[p];
      successors next;
      OPENQUANT_UNROLL
      for (int c = 0; c < branches; ++c) {
        const int held = viterbi_sum(best, cost_of(value.x[c], target));
        next.x[c] = static_cast<std::uint16_t>(held);
        const auto key =
            static_cast<std::uint32_t>(held) << 16 | static_cast<std::uint32_t>(p << B | c);
        least = key < least ? key : least;
      }
      memory.sum[now ^ 1][p] = next;
    }
    history[t] = static_cast<std::uint8_t>(winners);
    return least;
  }

  /// Where the least sum has grown, subtracts it from all but those that saturate.
  template <class Block, class Registers>
  OPENQUANT_DEVICE static void subtract_least(Block& block, shared& memory, Registers& least,
                                              int now) {
    least_of_warps(block, least, memory.least);
    block.run([&](int t) {
      const std::uint32_t base = least_of(memory.least) >> 16;
      if (base < search::grown) return;
      OPENQUANT_UNROLL
      for (int j = 0; j < own; ++j) {
        successors sum = memory.sum[now][t + j * threads];
        OPENQUANT_UNROLL
        for (int c = 0; c < branches; ++c) {
          if (sum.x[c] != 65535) sum.x[c] = static_cast<std::uint16_t>(sum.x[c] - base);
        }
        memory.sum[now][t + j * threads] = sum;
      }
    });
  }

  /// The state before state s of step i.
  OPENQUANT_DEVICE static std::uint32_t before(const shared& memory, std::uint32_t s, index_t i) {
    const int p = static_cast<int>(s >> B);
    const int winner = (memory.history[i][p % threads] >> (p / threads * B)) & (branches - 1);
    return static_cast<std::uint32_t>(p + winner * prefixes);
  }
};

}  // namespace openquant::cuda
