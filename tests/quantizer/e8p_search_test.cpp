// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <set>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/quantizer/e8p_codebook.hpp>
#include <openquant/quantizer/e8p_search.hpp>

namespace {

using namespace openquant;
using quantizer::e8p_codebook;
using quantizer::e8p_search;

/// Gaussian points of three sizes, points near codes, and both on quarters, where ties are.
vec<float, 8> sample(std::uint64_t i) {
  const vec<float, 8> start =
      e8p_codebook::point<float>(static_cast<std::int32_t>(random::index(5, i, 65536)));
  vec<float, 8> u;
  for (index_t k = 0; k < 8; ++k) {
    const float z = random::normal(3, i * 8 + static_cast<std::uint64_t>(k));
    u[k] = i % 2 == 0 ? (0.5f + static_cast<float>(i % 3)) * z : start[k] + 0.6f * z;
    if (i % 5 == 0) u[k] = std::nearbyint(4 * u[k]) / 4;
    if (i % 35 == 0) u[k] = u[0];
  }
  return u;
}
vec<float, 8> importances(std::uint64_t i) {
  vec<float, 8> h;
  for (std::uint64_t k = 0; k < 8; ++k) {
    h[static_cast<index_t>(k)] = static_cast<float>(random::uniform(9, i * 8 + k));
  }
  return h;
}
double weighted(const vec<float, 8>& h, const vec<float, 8>& a, const vec<float, 8>& b) {
  double sum = 0;
  for (index_t k = 0; k < 8; ++k) {
    const double e = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    sum += static_cast<double>(h[k]) * e * e;
  }
  return sum;
}

TEST_CASE("e8p_search: without importances the loss is the least of all 65536 distances") {
  const vec<float, 8> ones{1, 1, 1, 1, 1, 1, 1, 1};
  std::vector<vec<float, 8>> points;
  for (std::int32_t c = 0; c < 65536; ++c) points.push_back(e8p_codebook::point<float>(c));
  for (std::uint64_t i = 0; i < 300; ++i) {
    const vec<float, 8> u = sample(i);
    double least = 1e9;
    for (const auto& p : points) least = std::min(least, weighted(ones, u, p));
    CHECK(static_cast<double>(e8p_search<float>(u).loss(ones)) ==
          doctest::Approx(least).epsilon(1e-5));
  }
}

/// Of ties too: the code and the loss are of one point.
TEST_CASE("e8p_search: the loss is that of the code's point, whatever its pattern") {
  std::set<std::int32_t> patterns;
  int wrong = 0;
  for (std::uint64_t i = 0; i < 60000; ++i) {
    const vec<float, 8> u = sample(i), h = importances(i);
    const e8p_search<float> nearest(u);
    const std::int32_t code = nearest.code();
    const double loss = weighted(h, u, e8p_codebook::point<float>(code));
    wrong += std::fabs(static_cast<double>(nearest.loss(h)) - loss) > 1e-5 * (1 + loss);
    patterns.insert(code >> 8);
  }
  CHECK(wrong == 0);
  CHECK(patterns.size() == 256);
}

template <class T>
void check_lanes() {
  constexpr std::uint64_t lanes = lane_count<T>;
  int wrong = 0;
  for (std::uint64_t i = 0; i < 16384; i += lanes) {
    vec<T, 8> u, h;
    for (index_t k = 0; k < 8; ++k) {
      float x[lanes], weight[lanes];
      for (std::uint64_t l = 0; l < lanes; ++l) {
        x[l] = sample(i + l)[k];
        weight[l] = importances(i + l)[k];
      }
      u[k] = load<T>(x);
      h[k] = load<T>(weight);
    }
    const e8p_search<T> nearest(u);
    std::int32_t code[lanes];
    float loss[lanes];
    store(nearest.code(), code);
    store(nearest.loss(h), loss);
    for (std::uint64_t l = 0; l < lanes; ++l) {
      const e8p_search<float> alone(sample(i + l));
      wrong += code[l] != alone.code() || loss[l] != alone.loss(importances(i + l));
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("e8p_search: every lane has the code and the loss it has alone") {
  check_lanes<batch<baseline_arch>>();
#if defined(__AVX2__)
  check_lanes<batch<xsimd::avx2>>();
#endif
  check_lanes<batch<default_arch>>();
}

}  // namespace
