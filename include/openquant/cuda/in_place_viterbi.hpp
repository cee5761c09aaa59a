// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>

#include <openquant/cuda/storage.hpp>
#include <openquant/cuda/viterbi_cost.hpp>
#include <openquant/quantizer/viterbi.hpp>

namespace openquant::cuda {

/// The search of `quantizer::viterbi<B, L, T>` by one block whose shared memory holds the sums of
/// all states once: 128 KB at L = 16, where twice as much would not fit.
///
/// The 2^B states that end in a prefix are read, and the 2^B that begin with it written, by one
/// thread and no other, so these take the places of those. State c of them goes where state h = c
/// was, whose number is that of c turned right by B bits. So after i steps
///
///   state s lies in slot | s turned right by (B i mod L) of its L bits |
///
/// Neighbouring threads have neighbouring prefixes, whose slots lie 2^k apart: in one bank of the
/// 32. So bits 1 to 5 of a slot, which are the bank, have others added to them (`place`).
///
/// Thread t has the prefixes t, t + threads, ..., in every step: the values of their successors
/// stay in its registers, two a word, and what is remembered of a step is B bits a prefix, one
/// word a thread, in global memory.
///
/// Memory:  2^(L+1) + 3 T + 132 bytes, shared; 4 T threads of global memory
template <int B, int L, index_t T>
struct in_place_viterbi {
  using search = quantizer::viterbi<B, L, T>;
  static constexpr int states = search::states, prefixes = search::prefixes;
  static constexpr int branches = search::branches;
  static constexpr int threads = std::min(1024, prefixes), warps = threads / warp_size;
  static constexpr int own = prefixes / threads, own_bits = std::countr_zero(unsigned{own});
  static constexpr int steps = T, reach = search::reach, calm = search::calm;
  static constexpr index_t history_words = T * threads;
  static_assert(8 <= L && L <= 16 && B <= 4 && prefixes >= warp_size,
                "in_place_viterbi<B, L, T>: B is 1 to 4, L 8 to 16, 2^(L-B) at least 32");
  static_assert(own * B <= 32);

  struct shared {
    alignas(4) std::uint16_t sum[states];
    std::int16_t x[static_cast<std::size_t>(T)];       // the targets
    std::uint8_t symbol[static_cast<std::size_t>(T)];  // the path
    std::uint32_t least[warps];
    std::uint32_t seam;
  };

  /// The values of the successors of every thread's prefixes.
  template <class Block>
  OPENQUANT_DEVICE static auto load_values(Block& block, shared&, const std::int16_t* value) {
    auto pairs = block.template per_thread<std::uint32_t, own * branches / 2>();
    block.each([&](int t) {
      OPENQUANT_UNROLL
      for (int k = 0; k < own * branches / 2; ++k) {
        const int s = (t + k / (branches / 2) * threads) * branches + k % (branches / 2) * 2;
        const auto low = static_cast<std::uint16_t>(value[s]);
        const auto high = static_cast<std::uint16_t>(value[s + 1]);
        pairs[k][t] = low | static_cast<std::uint32_t>(high) << 16;
      }
    });
    return pairs;
  }

  /// memory.symbol <- the cheapest closed path for memory.x.
  template <class Block, class Values>
  OPENQUANT_DEVICE static void closed_path(Block& block, shared& memory, const Values& values,
                                           const std::int16_t* value, std::uint32_t* history) {
    // Freely around the seam.
    start(block, memory, value, memory.x[steps - reach]);
    int turned = 0;
    for (int i = 1; i < 2 * reach; ++i) {
      block.run([&](int t) {
        const int target = memory.x[(steps - reach + i) % steps];
        history[i * threads + t] = step(memory, values, t, turned, target);
      });
      turned = (turned + B) % L;
      if (i % calm == 0) subtract_least(block, memory);
    }
    auto least = block.template per_thread<std::uint32_t>();
    block.each([&](int t) {
      least[t] = 0xffffffffu;
      for (int k = 0; k < states / threads; ++k) {
        const auto s = static_cast<std::uint32_t>(t + k * threads);
        const std::uint32_t key = std::uint32_t{memory.sum[place(s, turned)]} << 16 | s;
        least[t] = key < least[t] ? key : least[t];
      }
    });
    least_of_warps(block, least, memory.least);
    block.run([&](int t) {
      if (t != 0) return;
      std::uint32_t s = least_of(memory.least) & 0xffff;
      for (int i = 2 * reach - 1; i > reach; --i) s = before(history, s, i);
      memory.seam = s >> B;
    });

    // Through the prefix found there.
    start_from(block, memory, value, memory.x[0]);
    turned = 0;
    for (int i = 1; i < steps; ++i) {
      block.run(
          [&](int t) { history[i * threads + t] = step(memory, values, t, turned, memory.x[i]); });
      turned = (turned + B) % L;
      if (i <= search::depth || i % calm == 0) subtract_least(block, memory);
    }
    block.run([&](int t) {
      if (t != 0) return;
      std::uint32_t s = memory.seam;
      for (int h = 1; h < branches; ++h) {
        const std::uint32_t other = memory.seam + static_cast<std::uint32_t>(h * prefixes);
        if (memory.sum[place(other, turned)] < memory.sum[place(s, turned)]) s = other;
      }
      for (int i = steps - 1; i >= 0; --i) {
        memory.symbol[i] = static_cast<std::uint8_t>(s % branches);
        if (i > 0) s = before(history, s, i);
      }
    });
  }

  /// Where the sum of state s lies when slots are turned by so many bits. Linear over GF(2): the
  /// place of s ^ u is that of s xor that of u.
  ///
  /// The bank is sum_i (bit i of the slot) v_i, v_1, ..., v_5 the five units and v_(i+5) =
  /// v_(i+4) + v_(i+1) + v_i, whose polynomial is (x + 1)^5: so v has period 8, and any five
  /// neighbours, in the circle of 16 bits as well, are independent. The 32 states of a warp, which
  /// differ in five neighbouring bits, are in 32 banks.
  OPENQUANT_DEVICE static std::uint32_t place(std::uint32_t s, int turned) {
    const std::uint32_t slot =
        (s >> turned | s << (L - turned)) & static_cast<std::uint32_t>(states - 1);
    const std::uint32_t folded = slot ^ slot >> 8;
    const std::uint32_t mixed = (folded & 1) * 0b11001 ^ (folded >> 6 & 1) * 0b10011 ^
                                (folded >> 7 & 1) * 0b10101 ^ (slot >> 9 & 0b11111);
    return slot ^ mixed << 1;
  }

 private:
  /// place(k unit, turned) for k < 2^bits, unit a power of two, from those of the powers of two.
  template <int bits>
  struct multiples {
    std::uint32_t of_bit[bits == 0 ? 1 : bits];

    OPENQUANT_DEVICE multiples(int unit, int turned) {
      OPENQUANT_UNROLL
      for (int b = 0; b < bits; ++b) {
        of_bit[b] = place(static_cast<std::uint32_t>(unit << b), turned);
      }
    }
    OPENQUANT_DEVICE std::uint32_t operator[](int k) const {
      std::uint32_t sum = 0;
      OPENQUANT_UNROLL
      for (int b = 0; b < bits; ++b) sum ^= (k >> b & 1) != 0 ? of_bit[b] : 0;
      return sum;
    }
  };

  /// What it costs to be in the state after a thread's prefix j whose symbol is c.
  template <class Values>
  OPENQUANT_DEVICE static int cost(const Values& values, int t, int j, int c, int target) {
    const std::uint32_t pair = values[j * branches / 2 + c / 2][t];
#if defined(__CUDA_ARCH__)
    // 1 times one half plus 0 times the other minus the target, in one instruction. Were the half
    // first taken out of its word, nvcc would do that for all 64 before the steps, for which there
    // are not enough registers.
    return viterbi_cost(__dp2a_lo(static_cast<int>(pair), c % 2 == 0 ? 0x0001 : 0x0100, -target));
#else
    return viterbi_cost(static_cast<std::int16_t>(pair >> c % 2 * 16) - target);
#endif
  }

  /// Sums of the first step: of all states.
  template <class Block>
  OPENQUANT_DEVICE static void start(Block& block, shared& memory, const std::int16_t* value,
                                     int target) {
    block.run([&](int t) {
      for (int s = t; s < states; s += threads) {
        memory.sum[place(static_cast<std::uint32_t>(s), 0)] =
            static_cast<std::uint16_t>(viterbi_cost(value[s] - target));
      }
    });
  }
  /// Of those of one prefix, and no other.
  template <class Block>
  OPENQUANT_DEVICE static void start_from(Block& block, shared& memory, const std::int16_t* value,
                                          int target) {
    block.run([&](int t) {
      for (int k = 0; k < states / threads; ++k) memory.sum[k * threads + t] = 65535;
    });
    block.run([&](int t) {
      if (t >= branches) return;
      const std::uint32_t s = memory.seam << B | static_cast<std::uint32_t>(t);
      memory.sum[place(s, 0)] = static_cast<std::uint16_t>(viterbi_cost(value[s] - target));
    });
  }

  /// One step by one thread from slots turned by so many bits; which states won, B bits a prefix.
  template <class Values>
  OPENQUANT_DEVICE static std::uint32_t step(shared& memory, const Values& values, int t,
                                             int turned, int target) {
    const std::uint32_t first = place(static_cast<std::uint32_t>(t), turned);
    // From there to the thread's prefix j, and from a prefix alone to state h that ends in it.
    const multiples<own_bits> along(threads, turned);
    const multiples<B> away(prefixes, turned);
    std::uint32_t winners = 0;
    OPENQUANT_UNROLL
    for (int j = 0; j < own; ++j) {
      const std::uint32_t at = first ^ along[j];
      int best = memory.sum[at];
      std::uint32_t winner = 0;
      OPENQUANT_UNROLL
      for (int h = 1; h < branches; ++h) {
        const int other = memory.sum[at ^ away[h]];
        winner = other <= best ? static_cast<std::uint32_t>(h) : winner;  // of equals the last
        best = other <= best ? other : best;
      }
      winners |= winner << (j * B);
      OPENQUANT_UNROLL
      for (int c = 0; c < branches; ++c) {
        const int sum = viterbi_sum(best, cost(values, t, j, c, target));
        memory.sum[at ^ away[c]] = static_cast<std::uint16_t>(sum);
      }
    }
    return winners;
  }

  /// Where the least sum has grown, subtracts it from all but those that saturate. A thread takes
  /// two that are side by side; whose they are does not matter.
  template <class Block>
  OPENQUANT_DEVICE static void subtract_least(Block& block, shared& memory) {
    using pair = packet<std::uint16_t, 4>;
    auto least = block.template per_thread<std::uint32_t>();
    block.each([&](int t) {
      least[t] = 65535;
      for (int k = 0; k < states / threads; k += 2) {
        const pair sum = load_packet<std::uint16_t, 4>(&memory.sum[k * threads + 2 * t]);
        least[t] = sum.x[0] < least[t] ? sum.x[0] : least[t];
        least[t] = sum.x[1] < least[t] ? sum.x[1] : least[t];
      }
    });
    least_of_warps(block, least, memory.least);
    block.run([&](int t) {
      const std::uint32_t base = least_of(memory.least);
      if (base < search::grown) return;
      for (int k = 0; k < states / threads; k += 2) {
        pair sum = load_packet<std::uint16_t, 4>(&memory.sum[k * threads + 2 * t]);
        OPENQUANT_UNROLL
        for (int i = 0; i < 2; ++i) {
          if (sum.x[i] != 65535) sum.x[i] = static_cast<std::uint16_t>(sum.x[i] - base);
        }
        store_packet(sum, &memory.sum[k * threads + 2 * t]);
      }
    });
  }
  /// The state before state s of step i.
  OPENQUANT_DEVICE static std::uint32_t before(const std::uint32_t* history, std::uint32_t s,
                                               int i) {
    const std::uint32_t p = s >> B, thread = p % threads;
    const std::uint32_t winner =
        history[i * threads + thread] >> (p / threads * B) & (branches - 1);
    return p + winner * static_cast<std::uint32_t>(prefixes);
  }
};

}  // namespace openquant::cuda
