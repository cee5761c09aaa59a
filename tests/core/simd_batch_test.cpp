// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <openquant/core/lane.hpp>
#include <openquant/core/random.hpp>
#include <openquant/core/simd_batch.hpp>

#include "core/lane_cases.hpp"

/// Every operation of the lane vocabulary, lane by lane against the same operation on float.
namespace openquant {  // where quantizers call it: `abs` is unambiguous here
namespace {

using test::bits_of;
using test::interesting;

/// Applies `wide` to registers and `narrow` to floats, at every offset between the two operands.
template <class Arch, class Wide, class Narrow>
void compare(Wide wide, Narrow narrow, float limit = std::numeric_limits<float>::infinity()) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  std::vector<float> a;
  for (const float x : interesting()) {
    if (std::fabs(x) <= limit) a.push_back(x);
  }
  const auto n = static_cast<index_t>(a.size());
  std::vector<float> twice(a);
  twice.insert(twice.end(), a.begin(), a.end());
  twice.insert(twice.end(), a.begin(), a.begin() + width);
  for (index_t offset = 0; offset < n; ++offset) {
    for (index_t i = 0; i < n; i += width) {
      const float *x = &twice[static_cast<std::size_t>(i)], *y = x + offset;
      float out[width];
      store(wide(load<lanes>(x), load<lanes>(y)), out);
      for (index_t l = 0; l < width; ++l) {
        const float expected = narrow(x[l], y[l]);
        // One comparison a lane: doctest's bookkeeping for all of them would take seconds.
        if (bits_of(out[l]) != bits_of(expected) && !(std::isnan(out[l]) && std::isnan(expected))) {
          CAPTURE(x[l]);
          CAPTURE(y[l]);
          CHECK(out[l] == expected);
          return;
        }
      }
    }
  }
  CHECK(n > 100);
}

#define SAME_IN_LANES(expression)                                           \
  compare<Arch>([](auto x, [[maybe_unused]] auto y) { return expression; }, \
                [](float x, [[maybe_unused]] float y) { return expression; })

TEST_CASE_TEMPLATE("simd_batch: arithmetic", Arch, baseline_arch, test::middle_arch, default_arch) {
  SAME_IN_LANES(x + y);
  SAME_IN_LANES(x - y);
  SAME_IN_LANES(x * y);
  SAME_IN_LANES(x / y);
  SAME_IN_LANES(-x + y);
  SAME_IN_LANES(-x);
  SAME_IN_LANES(abs(x));
  SAME_IN_LANES(sqrt(abs(x)));
}

TEST_CASE_TEMPLATE("simd_batch: minimum and maximum, signs of zero included", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  SAME_IN_LANES(min(x, y));
  SAME_IN_LANES(max(x, y));
  SAME_IN_LANES(positive_min(x * x, y * y));
  SAME_IN_LANES(positive_max(x * x, y * y));
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  using lanes = batch<Arch>;
  float out[lane_count<lanes>];
  store(max(lanes(1.0f), lanes(nan)), out);
  CHECK(out[0] == 1);
  store(min(lanes(nan), lanes(1.0f)), out);
  CHECK(std::isnan(out[0]));
}

TEST_CASE_TEMPLATE("simd_batch: comparison and selection", Arch, baseline_arch, test::middle_arch,
                   default_arch) {
  SAME_IN_LANES(select(x < y, x, y + y));
  SAME_IN_LANES(select(x > y, x, y + y));
  SAME_IN_LANES(select(x <= y, x, y + y));
  SAME_IN_LANES(select(x >= y, x, y + y));
  SAME_IN_LANES(select(x == y, x, y + y));
  SAME_IN_LANES(select(x != y, x, y + y));
  SAME_IN_LANES(select((x < y) & (x > -y), x, y));
  SAME_IN_LANES(select((x < y) | (x > -y), x, y));
  SAME_IN_LANES(select(!(x < y), x, y));
}

TEST_CASE_TEMPLATE("simd_batch: rounding to even, sign of zero kept", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  SAME_IN_LANES(round_even(x));
}

TEST_CASE_TEMPLATE("simd_batch: conversion to and from integers", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  compare<Arch>([](auto x, auto) { return to_float(to_int(round_even(x))); },
                [](float x, float) { return to_float(to_int(round_even(x))); }, 2147483520.0f);
}

TEST_CASE_TEMPLATE("simd_batch: mul_add rounds once or twice", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  for (std::uint64_t i = 0; i < 200; ++i) {
    float x[width], y[width], z[width], out[width];
    for (std::uint64_t l = 0; l < static_cast<std::uint64_t>(width); ++l) {
      x[l] = random::normal(1, i * 64 + l);
      y[l] = random::normal(2, i * 64 + l);
      z[l] = random::normal(3, i * 64 + l);
    }
    store(mul_add(load<lanes>(x), load<lanes>(y), load<lanes>(z)), out);
    for (index_t l = 0; l < width; ++l) {
      CHECK((out[l] == x[l] * y[l] + z[l] || out[l] == std::fma(x[l], y[l], z[l])));
    }
  }
}

TEST_CASE_TEMPLATE("simd_batch: exponential within two units in the last place", Arch,
                   baseline_arch, test::middle_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  for (float x = -87.0f; x <= 88.0f; x += 0.0371f) {
    float out[width];
    store(exp(lanes(x)), out);
    const double expected = std::exp(static_cast<double>(x));
    CHECK(std::fabs(static_cast<double>(out[0]) - expected) <= 0x1p-22 * expected);
  }
  float out[width];
  store(exp(lanes(0.0f)), out);
  CHECK(out[0] == 1);
  for (const float below : {-200.0f, -1e30f, -0x1p127f}) {
    store(exp(lanes(below)), out);
    CHECK(out[width - 1] == 0);
  }
}

TEST_CASE_TEMPLATE("simd_batch: lanes add up in lane order", Arch, baseline_arch, test::middle_arch,
                   default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  float x[width], sum = 0;
  for (index_t l = 0; l < width; ++l) {
    x[l] = random::normal(9, static_cast<std::uint64_t>(l));
    sum += x[l];
  }
  CHECK(bits_of(reduce_add(load<lanes>(x))) == bits_of(sum));
}

TEST_CASE_TEMPLATE("simd_batch: integers", Arch, baseline_arch, test::middle_arch, default_arch) {
  using lanes = batch<Arch>;
  using ints = lane_int_t<lanes>;
  constexpr index_t width = lane_count<lanes>;
  for (std::uint64_t i = 0; i < 50; ++i) {
    float x[width], y[width];
    std::int32_t a[width], b[width];
    for (std::uint64_t l = 0; l < static_cast<std::uint64_t>(width); ++l) {
      a[l] = static_cast<std::int32_t>(random::index(4, i * 64 + l, 65535)) - 32767;
      b[l] = static_cast<std::int32_t>(random::index(5, i * 64 + l, 65535)) - 32767;
      x[l] = static_cast<float>(a[l]);
      y[l] = static_cast<float>(b[l]);
    }
    const ints p = to_int(load<lanes>(x)), q = to_int(load<lanes>(y));
    const auto check = [&](ints result, auto expected) {
      std::int32_t out[width];
      store(result, out);
      for (index_t l = 0; l < width; ++l) CHECK(out[l] == expected(a[l], b[l]));
    };
    check(load_int<lanes>(a), [](int m, int) { return m; });
    check(p + q, [](int m, int n) { return m + n; });
    check(p - q, [](int m, int n) { return m - n; });
    check(p * q, [](int m, int n) { return m * n; });
    check(p & q, [](int m, int n) { return m & n; });
    check(p | q, [](int m, int n) { return m | n; });
    check(p ^ q, [](int m, int n) { return m ^ n; });
    check(p << 3, [](int m, int) { return m * 8; });
    check(p >> 3, [](int m, int) { return m >> 3; });  // arithmetic: the sign stays
    check(select(load<lanes>(x) < load<lanes>(y), p, ints(17)),
          [](int m, int n) { return m < n ? m : 17; });
  }
}

TEST_CASE_TEMPLATE("simd_batch: signs and bits", Arch, baseline_arch, test::middle_arch,
                   default_arch) {
  SAME_INTEGERS(change_sign(to_float(x), y));
  SAME_INTEGERS(bit_float(y & decltype(y)(0x7f7fffff)));
  SAME_INTEGERS(float_bits(to_float(x)) ^ y);
}

TEST_CASE_TEMPLATE("simd_batch: all of the lanes", Arch, baseline_arch, test::middle_arch,
                   default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  float x[width];
  std::fill_n(x, width, 1.0f);
  CHECK(all_of(load<lanes>(x) > lanes(0.0f)));
  for (float& lane : x) {
    lane = -1;
    CHECK_FALSE(all_of(load<lanes>(x) > lanes(0.0f)));
    lane = 1;
  }
}

}  // namespace
}  // namespace openquant
