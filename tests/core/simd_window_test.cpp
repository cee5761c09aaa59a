// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <type_traits>

#include <openquant/core/simd_window.hpp>

#include "core/lane_cases.hpp"

/// Every window against the bits of the words, one by one.
namespace openquant {
namespace {

TEST_CASE_TEMPLATE("simd_window: windows of three words", Arch, baseline_arch, test::middle_arch,
                   default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  const std::int32_t w[3] = {0x12345678, -0x76543211, 0x0badcafe};
  const auto bit = [&](index_t i) { return i < 96 ? w[i / 32] >> (i % 32) & 1 : 0; };
  for (int step = 1; step <= 4; ++step) {
    for (int first = step * static_cast<int>(width - 1); first < 64; ++first) {
      std::int32_t window[width];
      store(bit_windows<lanes>(w[0], w[1], w[2], first, step), window);
      for (index_t l = 0; l < width; ++l) {
        for (int k = 0; k < 32; ++k) {
          CHECK((window[l] >> k & 1) == bit(first - l * step + k));
        }
      }
      if (first > 48) continue;
      std::int32_t half[width];
      store(half_windows<lanes>(w, first, step), half);
      for (index_t l = 0; l < width; ++l) CHECK(half[l] == (window[l] & 0xffff));
    }
  }
}

TEST_CASE_TEMPLATE("simd_window: windows at places known to the compiler", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  const std::int32_t w[3] = {0x12345678, -0x76543211, 0x0badcafe};
  const auto check = [&](auto step, auto last) {
    constexpr int first = last + (width - 1) * step;
    std::int32_t window[width], half[width];
    store(bit_windows<lanes>(w[0], w[1], w[2], first, step), window);
    if constexpr (first <= 48) store(half_windows<lanes>(w, first, step), half);
    for (index_t l = 0; l < width; ++l) {
      const int bit = first - static_cast<int>(l) * step;
      CHECK(window[l] == bit_windows<float>(w[0], w[1], w[2], bit, 1));
      if constexpr (first <= 48) CHECK(half[l] == (window[l] & 0xffff));
    }
  };
  using std::integral_constant;
  check(integral_constant<int, 1>{}, integral_constant<int, 0>{});
  check(integral_constant<int, 1>{}, integral_constant<int, 16>{});
  check(integral_constant<int, 2>{}, integral_constant<int, 0>{});
  check(integral_constant<int, 3>{}, integral_constant<int, 16>{});
  check(integral_constant<int, 4>{}, integral_constant<int, 0>{});
}

}  // namespace
}  // namespace openquant
