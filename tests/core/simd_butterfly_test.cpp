// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/simd_butterfly.hpp>

#include "core/lane_cases.hpp"

/// Every pair of lanes against its own two numbers.
namespace openquant {
namespace {

using test::bits_of;
using test::interesting;

/// For every distance below the number of lanes.
template <class Arch, index_t h = 1>
void check_butterflies() {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  if constexpr (h < width) {
    const auto x = interesting();
    for (std::size_t i = 0; i + static_cast<std::size_t>(width) <= x.size(); ++i) {
      float exchanged[width], butterflies[width];
      store(exchange_lanes<h>(load<lanes>(&x[i])), exchanged);
      store(butterfly<h>(load<lanes>(&x[i])), butterflies);
      for (index_t l = 0; l < width; ++l) {
        const float a = x[i + static_cast<std::size_t>(l & ~h)];
        const float b = x[i + static_cast<std::size_t>(l | h)];
        CHECK(bits_of(exchanged[l]) == bits_of(l & h ? a : b));
        const float expected = l & h ? a - b : a + b;
        if (std::isfinite(expected)) {
          CHECK(butterflies[l] == expected);
        } else {
          CHECK(!std::isfinite(butterflies[l]));
        }
      }
    }
    check_butterflies<Arch, 2 * h>();
  }
}

TEST_CASE_TEMPLATE("simd_butterfly: fused sums and differences are those", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  const auto x = interesting();
  const auto last = x.size() - static_cast<std::size_t>(width);
  for (std::size_t i = 0; i <= last; ++i) {
    float sum[width], difference[width];
    auto added = add_fused(load<lanes>(&x[i]), load<lanes>(&x[last - i]));
    compute_now(added);
    store(added, sum);
    store(subtract_fused(load<lanes>(&x[i]), load<lanes>(&x[last - i])), difference);
    const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    for (std::size_t l = 0; l < static_cast<std::size_t>(width); ++l) {
      CHECK(same(sum[l], x[i + l] + x[last - i + l]));
      CHECK(same(difference[l], x[i + l] - x[last - i + l]));
    }
  }
}

TEST_CASE_TEMPLATE("simd_butterfly: exchanged lanes and butterflies", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  check_butterflies<Arch>();
}

}  // namespace
}  // namespace openquant
