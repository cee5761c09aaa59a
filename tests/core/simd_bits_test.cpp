// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/core/simd_bits.hpp>

#include "layer/lane_types.hpp"

/// Every operation, lane by lane against the same operation on one plain lane.
namespace openquant {
namespace {

using namespace test;

template <class T, class F>
void compare(const F& f) {
  constexpr index_t width = lane_count<T>;
  index_t wrong = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    std::int32_t x[width], y[width];
    for (std::uint64_t l = 0; l < width; ++l) {
      const auto bits = static_cast<std::uint32_t>(random::bits(1, i * width + l));
      x[l] = static_cast<std::int32_t>(bits);
    }
    store(f(load_int<T>(x)), y);
    for (index_t l = 0; l < width; ++l) wrong += y[l] != f(x[l]);
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("simd_bits: bytes of a table", T, lane_baseline, lane_middle, lane_widest) {
  std::uint8_t table[256];
  for (std::uint64_t i = 0; i < 256; ++i) {
    table[i] = static_cast<std::uint8_t>(random::index(2, i, 256));
  }
  compare<T>([&](auto x) { return lookup_bytes(table, x); });
}

TEST_CASE_TEMPLATE("simd_bits: linear maps of bytes", T, lane_baseline, lane_middle, lane_widest) {
  compare<T>([](auto x) { return map_bytes<0x8040201008040201>(x); });
  compare<T>([](auto x) { return map_bytes<0x0102040810204080>(x); });
  compare<T>([](auto x) { return map_bytes<0x123456789abcdef0>(x); });
  compare<T>([](auto x) { return map_bytes<0xffeeddccbbaa9988>(x); });
}

/// Only the lowest bit of a part means something.
template <class T, int width, std::int32_t lowest>
void compare_parities() {
  compare<T>([](auto x) { return parities<width>(x) & decltype(x)(lowest); });
}

TEST_CASE_TEMPLATE("simd_bits: parities of parts", T, lane_baseline, lane_middle, lane_widest) {
  compare_parities<T, 8, 0x01010101>();
  compare_parities<T, 16, 0x00010001>();
  compare_parities<T, 32, 1>();
}

}  // namespace
}  // namespace openquant
