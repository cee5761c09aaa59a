// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <type_traits>

#include <openquant/core/lane.hpp>

namespace {

using namespace openquant;

static_assert(lane_count<float> == 1);
static_assert(std::is_same_v<lane_int_t<float>, std::int32_t>);

TEST_CASE("lane: float is a lane type of one lane") {
  const float x[2] = {1.5f, -2.0f};
  CHECK(load<float>(x + 1) == -2);
  float out = 0;
  store(3.0f, &out);
  CHECK(out == 3);
  std::int32_t code = 0;
  store(std::int32_t{7}, &code);
  CHECK(load_int<float>(&code) == 7);
  CHECK(code == 7);
}

TEST_CASE("lane: selection") {
  CHECK(select(true, 1.0f, 2.0f) == 1);
  CHECK(select(false, 1.0f, 2.0f) == 2);
  CHECK(select(false, std::int32_t{1}, std::int32_t{2}) == 2);
  CHECK(openquant::min(1.0f, 2.0f) == 1);
  CHECK(openquant::max(1.0f, 2.0f) == 2);
  // Of equals the first, of unordered ones too.
  CHECK(std::signbit(openquant::min(-0.0f, 0.0f)));
  CHECK(!std::signbit(openquant::max(0.0f, -0.0f)));
  CHECK(std::isnan(openquant::min(NAN, 1.0f)));
  CHECK(openquant::max(1.0f, NAN) == 1);
  CHECK(positive_min(1.0f, 2.0f) == 1);
  CHECK(positive_max(1.0f, 2.0f) == 2);
}

TEST_CASE("lane: rounding goes to even and keeps the sign of zero") {
  const float in[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 0.49999997f, 8388607.5f, 16777217.0f};
  const float out[] = {0, 2, 2, -0.0f, -2, -2, 0, 8388608, 16777216};
  for (int i = 0; i < 9; ++i) {
    CHECK(std::bit_cast<std::uint32_t>(round_even(in[i])) == std::bit_cast<std::uint32_t>(out[i]));
  }
}

TEST_CASE("lane: conversions and arithmetic") {
  CHECK(to_int(-3.0f) == -3);
  CHECK(to_int(16777216.0f) == 16777216);
  CHECK(to_float(std::int32_t{-5}) == -5);
  CHECK(!std::signbit(openquant::abs(-0.0f)));
  CHECK(openquant::abs(-2.5f) == 2.5f);
  CHECK(openquant::sqrt(2.25f) == 1.5f);
  CHECK(mul_add(2.0f, 3.0f, 4.0f) == 10);
  const float table[] = {5, 6, 7};
  CHECK(gather(table, std::int32_t{2}) == 7);
}

TEST_CASE("lane: tables, signs and bytes") {
  float table[16] = {};
  table[3] = 7;
  CHECK(lookup(table, std::int32_t{16 + 3}) == 7);
  CHECK(lookup(table, std::int32_t{-16 + 3}) == 7);
  std::uint16_t wide[256] = {};
  wide[200] = 65535;
  CHECK(lookup(wide, std::int32_t{256 + 200}) == 65535);
  CHECK(change_sign(2.0f, std::int32_t{-1}) == -2);
  CHECK(change_sign(-2.0f, std::int32_t{1}) == -2);
  CHECK(bit_float(std::int32_t{0x3f800000}) == 1);
  CHECK(float_bits(-1.0f) == std::int32_t{-0x40800000});
  CHECK(all_of(true));
  CHECK_FALSE(all_of(false));
  CHECK(add_bytes(1, std::int32_t{0x01020304}) == 1 + 1 + 2 + 3 + 4);
  CHECK(dot_bytes<8>(1, std::int32_t{0x01020304}, std::int32_t{0x00ff0102}) == 1 - 2 + 3 + 2 * 4);
  CHECK(bit_windows<float>(0x00010000, 2, 3, 16, 1) == 0x00020001);
  CHECK(bit_windows<float>(0x00010000, 2, 3, 32, 1) == 2);
  const std::int32_t words[] = {0x12345678, 0x0badcafe};
  CHECK(half_windows<float>(words, 24, 1) == 0xfe12);
}

}  // namespace
