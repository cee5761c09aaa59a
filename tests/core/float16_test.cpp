// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <initializer_list>
#include <limits>

#include <openquant/core/float16.hpp>

namespace {

using namespace openquant;

/// Counts mismatches, because doctest's bookkeeping for 65536 checks would take seconds.
template <class Predicate>
int violations(Predicate holds) {
  int count = 0;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    if (!holds(static_cast<std::uint16_t>(bits))) ++count;
  }
  return count;
}

double float16_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) {
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  return sign * (exponent ? std::ldexp(1024.0 + fraction, exponent - 25)
                          : std::ldexp(static_cast<double>(fraction), -24));
}

double bfloat16_value(std::uint16_t bits) {
  const int exponent = bits >> 7 & 255, fraction = bits & 127;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 255) {
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  return sign * (exponent ? std::ldexp(128.0 + fraction, exponent - 134)
                          : std::ldexp(static_cast<double>(fraction), -133));
}

TEST_CASE("float16: every pattern has its value") {
  CHECK(violations([](std::uint16_t b) {
          const double expected = float16_value(b), got = static_cast<double>(to_float(float16{b}));
          return std::isnan(expected)
                     ? std::isnan(got)
                     : got == expected && std::signbit(got) == std::signbit(expected);
        }) == 0);
  CHECK(violations([](std::uint16_t b) {
          const double expected = bfloat16_value(b),
                       got = static_cast<double>(to_float(bfloat16{b}));
          return std::isnan(expected)
                     ? std::isnan(got)
                     : got == expected && std::signbit(got) == std::signbit(expected);
        }) == 0);
}

TEST_CASE("float16: every pattern survives the round trip, NaN as a NaN") {
  CHECK(violations([](std::uint16_t b) {
          const float16 back = to_float16(to_float(float16{b}));
          return std::isnan(float16_value(b)) ? std::isnan(float16_value(back.bits))
                                              : back.bits == b;
        }) == 0);
  CHECK(violations([](std::uint16_t b) {
          const bfloat16 back = to_bfloat16(to_float(bfloat16{b}));
          return std::isnan(bfloat16_value(b)) ? std::isnan(bfloat16_value(back.bits))
                                               : back.bits == b;
        }) == 0);
}

/// The midpoint between each finite pattern and the next goes to the even one, the floats beside
/// it to their own side. Rounding is monotone, so this is every case.
template <class Convert>
int midpoint_violations(Convert convert, double (*value)(std::uint16_t), std::uint16_t infinity) {
  int count = 0;
  for (std::uint16_t b = 0; b < infinity; ++b) {
    const auto next = static_cast<std::uint16_t>(b + 1);
    // Above the largest finite value, the midpoint to what the next exponent would begin with.
    const double upper =
        next == infinity ? 2 * value(b) - value(static_cast<std::uint16_t>(b - 1)) : value(next);
    const double exact = (value(b) + upper) / 2;
    const auto midpoint = static_cast<float>(exact);
    if (static_cast<double>(midpoint) != exact) ++count;
    for (const int sign : {0, 0x8000}) {
      const auto at = [&](float x) { return convert(sign ? -x : x).bits; };
      const auto even = static_cast<std::uint16_t>((b % 2 == 0 ? b : next) | sign);
      if (at(midpoint) != even) ++count;
      if (at(std::nextafter(midpoint, 0.0f)) != (b | sign)) ++count;
      if (at(std::nextafter(midpoint, std::numeric_limits<float>::infinity())) != (next | sign)) {
        ++count;
      }
    }
  }
  return count;
}

TEST_CASE("float16: conversion rounds to nearest, ties to even, everywhere") {
  CHECK(midpoint_violations([](float x) { return to_float16(x); }, float16_value, 0x7c00) == 0);
  CHECK(midpoint_violations([](float x) { return to_bfloat16(x); }, bfloat16_value, 0x7f80) == 0);
}

TEST_CASE("float16: overflow, infinity and NaN") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  CHECK(to_float(float16{0x7bff}) == 65504);
  CHECK(to_float16(65519.996f).bits == 0x7bff);
  CHECK(to_float16(65520.0f).bits == 0x7c00);
  CHECK(to_float16(-infinity).bits == 0xfc00);
  CHECK(to_float16(std::numeric_limits<float>::max()).bits == 0x7c00);
  CHECK(to_bfloat16(std::numeric_limits<float>::max()).bits == 0x7f80);
  CHECK(to_float16(std::numeric_limits<float>::denorm_min()).bits == 0);
  CHECK(to_float16(-0.0f).bits == 0x8000);
  // A signalling NaN whose fraction lies in the low bits must not become an infinity.
  for (const std::uint32_t pattern : {0x7f800001u, 0xff800001u, 0x7fffffffu}) {
    const float nan = std::bit_cast<float>(pattern);
    CHECK(std::isnan(to_float(to_float16(nan))));
    CHECK(std::isnan(to_float(to_bfloat16(nan))));
    CHECK((to_float16(nan).bits & 0x0200) != 0);
    CHECK((to_bfloat16(nan).bits & 0x0040) != 0);
  }
}

static_assert(to_float16(1.0f).bits == 0x3c00 && to_bfloat16(-2.0f).bits == 0xc000);
static_assert(to_float(bfloat16{0x7f7f}) == 0x1p127f * (2 - 0x1p-7f));
static_assert(to_float(float16{0x3555}) == 0.333251953125f);

}  // namespace
