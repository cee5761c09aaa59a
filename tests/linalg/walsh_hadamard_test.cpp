// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/linalg/walsh_hadamard.hpp>

#include "core/lane_cases.hpp"

namespace {

using namespace openquant;
using linalg::diagonal;
using linalg::scaled;
using linalg::unscaled;
using linalg::walsh_hadamard;
using linalg::walsh_hadamard_scalar;

std::vector<float> normal_vector(index_t n, std::uint64_t seed) {
  std::vector<float> x;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(n); ++i) {
    x.push_back(random::normal(seed, i));
  }
  return x;
}

TEST_CASE("walsh_hadamard: the scalar transform is Sylvester's matrix") {
  for (const index_t n : {1, 2, 4, 8, 16, 64, 256}) {
    const auto x = normal_vector(n, 1);
    auto y = x;
    walsh_hadamard_scalar(y);
    double magnitude = 0;
    for (const float v : x) magnitude += std::fabs(static_cast<double>(v));
    const double bound = std::log2(static_cast<double>(n) + 1) * 0x1p-24 * magnitude;
    for (index_t i = 0; i < n; ++i) {
      double sum = 0;
      for (index_t j = 0; j < n; ++j) {  // -1 to the number of common bits
        const bool minus = std::popcount(static_cast<std::size_t>(i & j)) % 2;
        const double v = static_cast<double>(x[static_cast<std::size_t>(j)]);
        sum += minus ? -v : v;
      }
      CHECK(std::fabs(static_cast<double>(y[static_cast<std::size_t>(i)]) - sum) <= bound);
    }
  }
}

// Through every number of registers of a pass, and every number of passes.
TEST_CASE_TEMPLATE("walsh_hadamard: lanes give the scalar's bits", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  for (index_t n = 1; n <= 131072; n *= 2) {
    CAPTURE(n);
    const auto x = normal_vector(n, 2), before = normal_vector(n, 3), after = normal_vector(n, 4);
    const auto same = [&](auto in, auto out) {
      auto lanes = x, scalar = x;
      walsh_hadamard<batch<Arch>>(lanes, in, out);
      walsh_hadamard_scalar(scalar, in, out);
      return lanes == scalar;
    };
    CHECK(same(unscaled{}, unscaled{}));
    CHECK(same(unscaled{}, scaled{0.3f}));
    CHECK(same(diagonal{before.data()}, diagonal{after.data()}));
    std::vector<std::uint8_t> bits;  // the whole row's, and where it is short a few more
    for (index_t i = 0; i < n / 8 + 2; ++i) {
      bits.push_back(static_cast<std::uint8_t>(random::bits(5, static_cast<std::uint64_t>(i))));
    }
    const linalg::signs sign{bits.data()};
    CHECK(same(sign, linalg::scaled_signs{sign, 0.3f}));
  }
}

TEST_CASE_TEMPLATE("walsh_hadamard: the rows of a matrix are as one by one", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  // From 512 on in two passes, whose rows are in turns, the last in three.
  for (const index_t n : {1, 8, 64, 256, 512, 1024, 2048, 4096, 16384}) {
    for (const index_t advance : {index_t{0}, n}) {
      CAPTURE(n);
      CAPTURE(advance);
      constexpr index_t rows = 7, gap = 3;
      const auto before = normal_vector(rows * n, 6), after = normal_vector(rows * n, 7);
      auto all = normal_vector(rows * (n + gap), 8), single = all;
      walsh_hadamard<batch<Arch>>(matrix_view<float>(all.data(), rows, n, n + gap),
                                  diagonal{before.data()}, diagonal{after.data()}, advance);
      for (index_t i = 0; i < rows; ++i) {
        walsh_hadamard<batch<Arch>>(
            std::span(single.data() + i * (n + gap), static_cast<std::size_t>(n)),
            diagonal{before.data() + i * advance}, diagonal{after.data() + i * advance});
      }
      CHECK(all == single);  // what lies between the rows too
    }
  }
}

TEST_CASE("walsh_hadamard: nothing outside the row is touched, at any address") {
  for (const index_t n : {1, 4, 16, 64, 512}) {
    for (index_t offset = 0; offset < 3; ++offset) {
      auto frame = normal_vector(n + 4, 5);
      const auto before = frame;
      const std::span row(frame.data() + offset, static_cast<std::size_t>(n));
      walsh_hadamard<batch<default_arch>>(row, scaled{3.0f});
      index_t touched = 0;
      for (index_t i = 0; i < n + 4; ++i) {
        const bool outside = i < offset || i >= offset + n;
        const auto at = static_cast<std::size_t>(i);
        touched += outside && frame[at] != before[at];
      }
      CHECK(touched == 0);
    }
  }
}

}  // namespace
