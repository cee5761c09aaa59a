// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/lattice/leech_column.hpp>

namespace {

using namespace openquant;
using namespace openquant::lattice;

class_costs<float> random_costs(std::uint64_t seed) {
  class_costs<float> a;
  for (index_t s = 0; s < 4; ++s) {
    a[s] = static_cast<float>(random::uniform(seed, static_cast<std::uint64_t>(s)));
  }
  return a;
}

TEST_CASE("leech_column: convolution is the least sum over each pair of classes") {
  for (std::uint64_t i = 0; i < 100; ++i) {
    const class_costs<float> a = random_costs(2 * i), b = random_costs(2 * i + 1);
    const class_costs<float> both = convolve(a, b);
    const vec<float, 2> parities = convolve(vec<float, 2>{a[0], a[1]}, vec<float, 2>{b[0], b[1]});
    for (int s = 0; s < 4; ++s) {
      float least = 9;
      for (int r = 0; r < 4; ++r) least = std::min(least, a[r] + b[r ^ s]);
      CHECK(both[s] == least);
      if (s < 2) CHECK(parities[s] == std::min(a[0] + b[s], a[1] + b[s ^ 1]));
    }
  }
}

TEST_CASE("leech_column: a remainder's distances to 8 Z + r and 8 Z + r + 4") {
  for (float x = -20; x <= 20; x += 0.15625f) {
    const float w = leech_reduce(x);
    CHECK(std::fabs(w) <= 4);
    for (const float r : {0.0f, 1.0f, 2.0f, 3.0f}) {
      const vec<float, 2> d = leech_distances(w, r);
      for (index_t q = 0; q < 2; ++q) {
        const float e = std::remainder(x - r - 4 * static_cast<float>(q), 8.0f);
        CHECK(d[q] == e * e);
      }
    }
  }
}

/// Least squared distance of four coordinates to o + 2 b + 4 k with k of parity q, by trial.
float by_trial(const float* x, int o, std::uint32_t bits, int q) {
  float least = 1e9f;
  for (int k = 0; k < 625; ++k) {
    int sum = 0, rest = k;
    float distance = 0;
    for (int i = 0; i < 4; ++i) {
      const int ki = rest % 5 - 2;
      rest /= 5;
      sum += ki;
      const float e = x[i] - static_cast<float>(o + 2 * static_cast<int>(bits >> i & 1) + 4 * ki);
      distance += e * e;
    }
    if ((sum & 1) == q) least = std::min(least, distance);
  }
  return least;
}

TEST_CASE("leech_column: costs of every class of every column, for all lanes and for one") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    vec<float, 24> x;
    for (index_t i = 0; i < 24; ++i) {
      x[i] = static_cast<float>(8 * random::uniform(seed, static_cast<std::uint64_t>(i)) - 4);
    }
    for (int o = 0; o < 2; ++o) {
      const leech_column_costs<float> cost(x, o);
      for (int l = 0; l < 6; ++l) {
        for (int p = 0; p < 2; ++p) {
          for (int c = 0; c < 4; ++c) {
            std::int32_t bit[4];
            for (int i = 0; i < 4; ++i) {
              bit[i] = static_cast<std::int32_t>(golay::column(p, c, 0) >> i & 1);
            }
            const auto one = leech_class_costs<float>(&x[4 * l], static_cast<float>(o), bit);
            for (int s = 0; s < 4; ++s) {
              const float expected = by_trial(&x[4 * l], o, golay::column(p, c, s >> 1), s & 1);
              CHECK(std::fabs(cost.of[p][l][c][s] - expected) <= 1e-4f);
              CHECK(one[s] == cost.of[p][l][c][s]);
            }
          }
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("leech_column: each lane picks its own class", T, float, batch<baseline_arch>,
                   batch<default_arch>) {
  constexpr index_t lanes = lane_count<T>;
  const class_costs<T> a{T(10.0f), T(11.0f), T(12.0f), T(13.0f)};
  for (int shift = 0; shift < 4; ++shift) {
    float state[lanes], picked[lanes];
    for (index_t l = 0; l < lanes; ++l) state[l] = static_cast<float>((l + shift) % 4);
    store(pick(a, to_int(load<T>(state))), picked);
    for (index_t l = 0; l < lanes; ++l) CHECK(picked[l] == 10 + state[l]);
  }
}

}  // namespace
