// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>

#include "core/lane_cases.hpp"

/// That the one include is enough for any source written in the lane vocabulary.
namespace openquant {
namespace {

struct tables {
  float small[32], large[64];
  std::uint16_t pattern[256];
};

/// A number made by all that is more than arithmetic, from words read at a bit of its own a lane.
template <class T>
T number(T x, const std::int32_t* words, int first, int step, const tables& of) {
  using Int = lane_int_t<T>;
  const Int wide = bit_windows<T>(words[0], words[1], words[2], first, step);
  const Int half = half_windows<T>(words, first, step);
  const Int sum = dot_bytes<8>(add_bytes(lookup(of.pattern, wide), half), wide, half);
  const T a = select(x < T(0.0f), lookup(of.small, wide >> 7), gather(of.large, half & Int(63)));
  return min(abs(change_sign(a, wide)) + to_float(sum & Int(0xff)), T(100.0f)) *
         bit_float(Int(0x3f000000));
}

TEST_CASE_TEMPLATE("simd: one source for one lane and for registers", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  tables of;
  for (std::uint64_t i = 0; i < 256; ++i) {
    of.small[i % 32] = random::normal(1, i);
    of.large[i % 64] = random::normal(2, i);
    of.pattern[i] = static_cast<std::uint16_t>(random::bits(3, i));
  }
  constexpr int first = 47, step = 3;
  for (std::uint64_t i = 0; i < 50; ++i) {
    std::int32_t words[3];
    for (std::uint64_t k = 0; k < 3; ++k) {
      words[k] = static_cast<std::int32_t>(static_cast<std::uint32_t>(random::bits(4, 3 * i + k)));
    }
    float x[width], found[width];
    for (std::uint64_t l = 0; l < static_cast<std::uint64_t>(width); ++l) {
      x[l] = random::normal(5, i * 64 + l);
    }
    store(number(load<lanes>(x), words, first, step, of), found);
    for (index_t l = 0; l < width; ++l) {
      CHECK(found[l] == number(x[l], words, first - static_cast<int>(l) * step, step, of));
    }
  }
}

TEST_CASE_TEMPLATE("simd: 16-bit lanes come along", Arch, baseline_arch, test::middle_arch,
                   default_arch) {
  CHECK(lane16_t<batch<Arch>>::lanes == 2 * lane_count<batch<Arch>>);
}

}  // namespace
}  // namespace openquant
