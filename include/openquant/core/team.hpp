// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include <openquant/core/config.hpp>

namespace openquant {

/// Threads that look for the least of several candidates together: one, or the 32 of a CUDA warp,
/// which all call with the same arguments and get the same answer. On the host a team of 32 is one
/// thread that takes the part of each in turn.
struct team {
  int threads = 1;

  /// What a candidate is compared by: the least loss, of equals the first.
  template <class Value>
  struct entry {
    float loss = std::numeric_limits<float>::infinity();
    std::int32_t number = std::numeric_limits<std::int32_t>::max();
    Value value{};

    OPENQUANT_HD bool before(const entry& other) const {
      return loss < other.loss || (loss == other.loss && number < other.number);
    }
    /// Becomes this candidate if it is better; and the very first, whatever its loss, which counts
    /// as 0 where it is NaN: nothing is below that.
    OPENQUANT_HD void consider(float its_loss, std::int32_t its_number, const Value& its_value,
                               bool is_first) {
      if (is_first)
        *this = {its_loss >= 0 ? its_loss : 0, its_number, its_value};
      else if (its_loss < loss)
        *this = {its_loss, its_number, its_value};
    }
  };

  /// best <- the first, by `before`, of best and of what compare(k, mine), k = 0, ..., count - 1,
  /// makes of an entry that is at first best: mine stays or becomes one that is before it.
  template <class Value, class Compare>
  OPENQUANT_HD void least(index_t count, entry<Value>& best, const Compare& compare) const {
#if defined(__CUDA_ARCH__)
    const index_t own = threads > 1 ? threadIdx.x % static_cast<unsigned>(threads) : 0;
    entry<Value> mine = best;
    for (index_t k = own; k < count; k += threads) compare(k, mine);
    for (int mask = threads / 2; mask > 0; mask /= 2) {
      const entry<Value> other = exchanged(mine, mask);
      if (other.before(mine)) mine = other;
    }
    best = mine;
#else
    const entry<Value> at_first = best;
    for (int own = 0; own < threads; ++own) {
      entry<Value> mine = at_first;
      for (index_t k = own; k < count; k += threads) compare(k, mine);
      if (mine.before(best)) best = mine;
    }
#endif
  }

 private:
#if defined(__CUDA_ARCH__)
  /// That of the thread whose number differs by the mask.
  template <class T>
  __device__ static T exchanged(const T& own, int mask) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0);
    std::uint32_t words[sizeof(T) / 4];
    std::memcpy(words, &own, sizeof(T));
    OPENQUANT_UNROLL
    for (auto& word : words) word = __shfl_xor_sync(0xffffffffu, word, mask);
    T other;
    std::memcpy(&other, words, sizeof(T));
    return other;
  }
#endif
};

}  // namespace openquant
