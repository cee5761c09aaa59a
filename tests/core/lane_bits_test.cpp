// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <initializer_list>

#include <openquant/core/lane_bits.hpp>

namespace openquant {
namespace {

TEST_CASE("lane_bits: every byte chooses from the table") {
  std::uint8_t table[256];
  for (int i = 0; i < 256; ++i) table[i] = static_cast<std::uint8_t>(i * 7 + 3);
  CHECK(lookup_bytes(table, 0) == 0x03030303);
  CHECK(lookup_bytes(table, 0x00010203) == 0x030a1118);
  CHECK(lookup_bytes(table, -1) == static_cast<std::int32_t>(0xfcfcfcfc));  // 255 * 7 + 3 = 1788
}

TEST_CASE("lane_bits: a map of bytes sets each bit to the parity under its mask") {
  constexpr std::uint64_t identity = 0x8040201008040201, reversal = 0x0102040810204080;
  CHECK(map_bytes<identity>(0x12345678) == 0x12345678);
  CHECK(map_bytes<identity>(-2) == -2);
  CHECK(map_bytes<reversal>(0x01020480) == static_cast<std::int32_t>(0x80402001));
  // Bit 0 is the parity of the byte, bit 7 its bit 0.
  constexpr std::uint64_t mixed = 0x01000000000000ff;
  CHECK(map_bytes<mixed>(0x00010307) == static_cast<std::int32_t>(0x00818081));
}

template <int width>
void check_parities(std::int32_t x) {
  const std::int32_t found = parities<width>(x);
  for (int part = 0; part < 32; part += width) {
    std::int32_t parity = 0;
    for (int bit = 0; bit < width; ++bit) parity ^= x >> (part + bit) & 1;
    CHECK((found >> part & 1) == parity);
  }
}

TEST_CASE("lane_bits: parities of parts") {
  for (const std::int32_t x : {0, 1, -1, 0x01000000, 0x13572468, -0x12345678}) {
    check_parities<8>(x);
    check_parities<16>(x);
    check_parities<32>(x);
  }
}

}  // namespace
}  // namespace openquant
