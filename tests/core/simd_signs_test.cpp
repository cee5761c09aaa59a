// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/core/simd_signs.hpp>

#include "core/lane_cases.hpp"

namespace openquant {
namespace {

using test::bits_of;

constexpr std::uint8_t signs[8] = {0x5a, 0x01, 0x80, 0xff, 0x00, 0xc3, 0x36, 0x0f};

bool is_minus(index_t i) { return (signs[i / 8] >> (i % 8) & 1) != 0; }

TEST_CASE("simd_signs: a bit a number") {
  for (index_t i = 0; i < 64; ++i) {
    CHECK(bits_of(change_sign_by_bit(1.5f, signs, i)) == bits_of(is_minus(i) ? -1.5f : 1.5f));
    CHECK(bits_of(change_sign_by_bit(-0.0f, signs, i)) == bits_of(is_minus(i) ? 0.0f : -0.0f));
  }
}

TEST_CASE_TEMPLATE("simd_signs: each lane by its own bit", Arch, baseline_arch, test::middle_arch,
                   default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  const auto x = test::interesting();
  for (std::size_t from = 0; from + static_cast<std::size_t>(width) <= x.size(); ++from) {
    for (index_t i = 0; i + width <= 64; i += width) {
      float changed[width];
      store(change_sign_by_bit(load<lanes>(&x[from]), signs, i), changed);
      for (index_t l = 0; l < width; ++l) {
        const float a = x[from + static_cast<std::size_t>(l)];
        CHECK(bits_of(changed[l]) == bits_of(is_minus(i + l) ? -a : a));
      }
    }
  }
}

}  // namespace
}  // namespace openquant
