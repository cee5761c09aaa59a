// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <type_traits>
#include <vector>

#include <openquant/core/lane.hpp>
#include <openquant/core/random.hpp>
#include <openquant/core/simd_batch.hpp>

/// What the tests of the headers core/simd*.hpp share: numbers worth trying, and the comparison of
/// registers with one lane.
namespace openquant::test {

/// Between baseline_arch and default_arch, where this build has such: AVX2.
#if defined(__AVX2__)
using middle_arch = xsimd::avx2;
#else
using middle_arch = baseline_arch;
#endif

inline std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

/// Ties, signed zeros, subnormal, large and infinite numbers, then random magnitudes.
inline std::vector<float> interesting() {
  std::vector<float> x;
  for (const float v : {0.0f,          0.5f,
                        1.0f,          1.5f,
                        2.5f,          3.5f,
                        0.49999997f,   0.50000006f,
                        1e-40f,        1e-30f,
                        4194303.5f,    4194304.5f,
                        8388607.0f,    8388607.5f,
                        8388608.0f,    8388609.0f,
                        16777217.0f,   1e9f,
                        2147483520.0f, 1e20f,
                        3e38f,         std::numeric_limits<float>::infinity()}) {
    x.push_back(v);
    x.push_back(-v);
  }
  for (std::uint64_t i = 0; i < 200; ++i) {
    x.push_back(std::ldexp(random::normal(1, i), static_cast<int>(random::index(2, i, 40)) - 15));
  }
  return x;
}

/// Every lane of `wide` of random integers is `narrow` of its own.
template <class Arch, class Wide, class Narrow>
void compare_integers(Wide wide, Narrow narrow) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  for (std::uint64_t i = 0; i < 100; ++i) {
    std::int32_t a[width], b[width], c[width];
    for (std::uint64_t l = 0; l < static_cast<std::uint64_t>(width); ++l) {
      const auto word = [&](std::uint64_t seed) {
        return static_cast<std::int32_t>(
            static_cast<std::uint32_t>(random::bits(seed, i * 64 + l)));
      };
      a[l] = word(1) >> 8, b[l] = word(2), c[l] = word(3);
    }
    const auto out = wide(load_int<lanes>(a), load_int<lanes>(b), load_int<lanes>(c));
    for (index_t l = 0; l < width; ++l) {
      const auto expected = narrow(a[l], b[l], c[l]);
      if constexpr (std::is_same_v<decltype(expected), const float>) {
        float lane[width];
        store(out, lane);
        CHECK(bits_of(lane[l]) == bits_of(expected));
      } else {
        std::int32_t lane[width];
        store(out, lane);
        CHECK(lane[l] == expected);
      }
    }
  }
}

#define SAME_INTEGERS(expression)                                                           \
  ::openquant::test::compare_integers<Arch>(                                                \
      [&]([[maybe_unused]] auto x, auto y, [[maybe_unused]] auto z) { return expression; }, \
      [&]([[maybe_unused]] auto x, auto y, [[maybe_unused]] auto z) { return expression; })

}  // namespace openquant::test
