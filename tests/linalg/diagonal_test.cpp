// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/linalg/diagonal.hpp>

#include "core/lane_cases.hpp"

namespace {

using namespace openquant;
constexpr index_t n = 64;

/// Whether lanes from coordinate i on are multiplied by `expected`, from each i that can be.
template <class Lanes, class D, class Expected>
bool multiplies(const D& d, const Expected& expected) {
  constexpr index_t lanes = lane_count<Lanes>;
  bool right = true;
  for (index_t first = 0; first < n; first += lanes) {
    for (index_t i = 0; first + i < n; i += lanes) {
      float x[lanes], y[lanes];
      for (index_t l = 0; l < lanes; ++l) x[l] = random::normal(1, static_cast<std::uint64_t>(l));
      store(d.from(first).times(load<Lanes>(x), i), y);
      for (index_t l = 0; l < lanes; ++l) right &= y[l] == x[l] * expected(first + i + l);
    }
  }
  return right;
}

TEST_CASE_TEMPLATE("diagonal: each kind multiplies by its numbers, wherever a part begins", Lanes,
                   float, batch<baseline_arch>, batch<test::middle_arch>, batch<default_arch>) {
  std::vector<float> d;
  std::vector<std::uint8_t> bits;
  for (std::uint64_t i = 0; i < n; ++i) d.push_back(random::normal(2, i));
  for (std::uint64_t i = 0; i < n / 8 + 2; ++i) {
    bits.push_back(static_cast<std::uint8_t>(random::bits(3, i)));
  }
  const auto sign = [&](index_t i) {
    return bits[static_cast<std::size_t>(i / 8)] >> i % 8 & 1 ? -1.0f : 1.0f;
  };
  CHECK(multiplies<Lanes>(linalg::unscaled{}, [](index_t) { return 1.0f; }));
  CHECK(multiplies<Lanes>(linalg::scaled{0.3f}, [](index_t) { return 0.3f; }));
  CHECK(multiplies<Lanes>(linalg::diagonal{d.data()},
                          [&](index_t i) { return d[static_cast<std::size_t>(i)]; }));
  CHECK(multiplies<Lanes>(linalg::signs{bits.data()}, sign));
  CHECK(multiplies<Lanes>(linalg::scaled_signs{{bits.data()}, 0.3f},
                          [&](index_t i) { return sign(i) * 0.3f; }));
}

}  // namespace
