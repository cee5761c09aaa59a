// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>

/// Every operation of the lane vocabulary, lane by lane against the same operation on float.
namespace openquant {  // where quantizers call it: `abs` is unambiguous here
namespace {

std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

/// Ties, signed zeros, subnormal, large and infinite numbers, then random magnitudes.
std::vector<float> interesting() {
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

TEST_CASE_TEMPLATE("simd: arithmetic", Arch, baseline_arch, default_arch) {
  SAME_IN_LANES(x + y);
  SAME_IN_LANES(x - y);
  SAME_IN_LANES(x * y);
  SAME_IN_LANES(x / y);
  SAME_IN_LANES(-x + y);
  SAME_IN_LANES(-x);
  SAME_IN_LANES(abs(x));
  SAME_IN_LANES(sqrt(abs(x)));
}

TEST_CASE_TEMPLATE("simd: minimum and maximum, signs of zero included", Arch, baseline_arch,
                   default_arch) {
  SAME_IN_LANES(min(x, y));
  SAME_IN_LANES(max(x, y));
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  using lanes = batch<Arch>;
  float out[lane_count<lanes>];
  store(max(lanes(1.0f), lanes(nan)), out);
  CHECK(out[0] == 1);
  store(min(lanes(nan), lanes(1.0f)), out);
  CHECK(std::isnan(out[0]));
}

TEST_CASE_TEMPLATE("simd: comparison and selection", Arch, baseline_arch, default_arch) {
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

TEST_CASE_TEMPLATE("simd: rounding to even, sign of zero kept", Arch, baseline_arch, default_arch) {
  SAME_IN_LANES(round_even(x));
}

TEST_CASE_TEMPLATE("simd: conversion to and from integers", Arch, baseline_arch, default_arch) {
  compare<Arch>([](auto x, auto) { return to_float(to_int(round_even(x))); },
                [](float x, float) { return to_float(to_int(round_even(x))); }, 2147483520.0f);
}

TEST_CASE_TEMPLATE("simd: mul_add rounds once or twice", Arch, baseline_arch, default_arch) {
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

TEST_CASE_TEMPLATE("simd: exponential within two units in the last place", Arch, baseline_arch,
                   default_arch) {
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

TEST_CASE_TEMPLATE("simd: lanes add up in lane order", Arch, baseline_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  float x[width], sum = 0;
  for (index_t l = 0; l < width; ++l) {
    x[l] = random::normal(9, static_cast<std::uint64_t>(l));
    sum += x[l];
  }
  CHECK(bits_of(reduce_add(load<lanes>(x))) == bits_of(sum));
}

TEST_CASE_TEMPLATE("simd: gathers from a table", Arch, baseline_arch, default_arch) {
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
  compare_integers<Arch>(                                                                   \
      [&]([[maybe_unused]] auto x, auto y, [[maybe_unused]] auto z) { return expression; }, \
      [&]([[maybe_unused]] auto x, auto y, [[maybe_unused]] auto z) { return expression; })

TEST_CASE_TEMPLATE("simd: small tables, by the low bits of an index", Arch, baseline_arch,
                   default_arch) {
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

TEST_CASE_TEMPLATE("simd: signs, sums and products of bytes", Arch, baseline_arch, default_arch) {
  SAME_INTEGERS(change_sign(to_float(x), y));
  SAME_INTEGERS(bit_float(y & decltype(y)(0x7f7fffff)));
  SAME_INTEGERS(add_bytes(x, y));
  SAME_INTEGERS(dot_bytes<8>(x, y, z));
  SAME_INTEGERS(dot_bytes<7>(x, y & decltype(y)(0x7f7f7f7f), z));
  CHECK(add_bytes(7, static_cast<std::int32_t>(0xff030201u)) == 7 + 255 + 3 + 2 + 1);
  CHECK(dot_bytes<8>(7, static_cast<std::int32_t>(0xff030201u),
                     static_cast<std::int32_t>(0x80ff7f02u)) == 7 - 255 * 128 - 3 + 2 * 127 + 2);
}

TEST_CASE_TEMPLATE("simd: windows of three words", Arch, baseline_arch, default_arch) {
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

TEST_CASE_TEMPLATE("simd: windows at places known to the compiler", Arch, baseline_arch,
                   default_arch) {
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

TEST_CASE_TEMPLATE("simd: exchanged lanes and butterflies", Arch, baseline_arch, default_arch) {
  check_butterflies<Arch>();
}

TEST_CASE_TEMPLATE("simd: integers", Arch, baseline_arch, default_arch) {
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

}  // namespace
}  // namespace openquant
