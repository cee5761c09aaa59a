// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/core/simd_lookup.hpp>

#include "core/lane_cases.hpp"

/// Every look-up, lane by lane against the same look-up of one lane.
namespace openquant {
namespace {

TEST_CASE_TEMPLATE("simd_lookup: gathers from a table", Arch, baseline_arch, test::middle_arch,
                   default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  float table[100];
  for (std::uint64_t i = 0; i < 100; ++i) table[i] = random::normal(6, i);
  for (std::uint64_t i = 0; i < 50; ++i) {
    float at[width], out[width];
    for (std::uint64_t l = 0; l < static_cast<std::uint64_t>(width); ++l) {
      at[l] = static_cast<float>(random::index(7, i * 64 + l, 100));
    }
    store(gather(table, to_int(load<lanes>(at))), out);
    for (index_t l = 0; l < width; ++l) CHECK(out[l] == table[static_cast<int>(at[l])]);
  }
}

TEST_CASE_TEMPLATE("simd_lookup: small tables, by the low bits of an index", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  float of_16[16], of_32[32], of_64[64];
  std::uint16_t of_256[256];
  for (std::uint64_t i = 0; i < 256; ++i) {
    of_16[i % 16] = random::normal(1, i);
    of_32[i % 32] = random::normal(2, i);
    of_64[i % 64] = random::normal(3, i);
    of_256[i] = static_cast<std::uint16_t>(random::bits(4, i));
  }
  SAME_INTEGERS(lookup(of_16, y));
  SAME_INTEGERS(lookup(of_32, y));
  SAME_INTEGERS(lookup(of_64, y));
  SAME_INTEGERS(lookup(of_256, y));
}

}  // namespace
}  // namespace openquant
