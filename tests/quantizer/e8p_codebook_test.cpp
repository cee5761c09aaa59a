// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <doctest/doctest.h>
#include <set>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/quantizer/e8p_codebook.hpp>

namespace {

using namespace openquant;
using quantizer::e8p_codebook;

const std::vector<vec<float, 8>>& all_points() {
  static const std::vector<vec<float, 8>> points = [] {
    std::vector<vec<float, 8>> p;
    for (std::int32_t c = 0; c < 65536; ++c) p.push_back(e8p_codebook::point<float>(c));
    return p;
  }();
  return points;
}

TEST_CASE("e8p_codebook: 2^16 distinct points of E8 + 1/4 with the patterns of the docstring") {
  std::set<std::array<float, 8>> distinct, patterns;
  for (std::int32_t c = 0; c < 65536; ++c) {
    const vec<float, 8>& p = all_points()[static_cast<std::size_t>(c)];
    const float shift = (c >> 7 & 1) == 0 ? 0.25f : -0.25f;
    std::array<float, 8> point, pattern;
    float sum = 0;
    bool halves = true;
    for (index_t i = 0; i < 8; ++i) {
      const float v = p[i] - shift;
      sum += v;
      point[static_cast<std::size_t>(i)] = p[i];
      pattern[static_cast<std::size_t>(i)] = std::fabs(v);
      halves = halves && std::fabs(v) - std::floor(std::fabs(v)) == 0.5f;
      if (i < 7 && (v < 0) != ((c >> i & 1) != 0)) FAIL("sign bit ", i, " of ", c);
    }
    if (!halves || std::fmod(sum, 2.0f) != 0) FAIL("code ", c, " is off the lattice");
    distinct.insert(point), patterns.insert(pattern);
  }
  CHECK(distinct.size() == 65536);
  CHECK(patterns.size() == 256);
  int short_ones = 0, long_ones = 0, even = 0;
  for (const auto& a : patterns) {
    float norm = 0;
    int zeros = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      norm += a[i] * a[i];
      if (a[i] == 0.5f) zeros += static_cast<int>(i);
    }
    short_ones += norm <= 10;
    if (norm <= 10) continue;
    CHECK(norm == 12);
    CHECK(std::count(a.begin(), a.end(), 1.5f) == 5);
    long_ones += 1;
    even += zeros % 2 == 0;
  }
  CHECK(short_ones == 227);
  CHECK(long_ones == 29);
  CHECK(even == 28);
}

TEST_CASE("e8p_codebook: no point is nearer, by trying all of them") {
  for (std::uint64_t i = 0; i < 150; ++i) {
    vec<float, 8> u;
    for (index_t k = 0; k < 8; ++k) {
      const auto j = i * 8 + static_cast<std::uint64_t>(k);
      u[k] = (0.5f + static_cast<float>(i % 3)) * random::normal(3, j);
      if (i % 5 == 0) u[k] = std::nearbyint(4 * u[k]) / 4;  // where ties are
    }
    float least = 1e9f;
    for (const auto& p : all_points()) least = std::min(least, squared_norm(p - u));
    const auto code = static_cast<std::size_t>(e8p_codebook::nearest(u));
    CHECK(squared_norm(all_points()[code] - u) <= least * (1 + 1e-5f));
  }
}

/// All codes through lanes, decoded and coded again.
template <class T>
void round_trip() {
  constexpr index_t lanes = lane_count<T>;
  int wrong = 0;
  for (std::int32_t c = 0; c < 65536; c += static_cast<std::int32_t>(lanes)) {
    float code[lanes];
    std::int32_t again[lanes];
    for (index_t l = 0; l < lanes; ++l) code[l] = static_cast<float>(c + static_cast<int>(l));
    const vec<T, 8> p = e8p_codebook::point<T>(to_int(load<T>(code)));
    store(e8p_codebook::nearest(p), again);
    for (index_t l = 0; l < lanes; ++l) wrong += again[l] != c + static_cast<int>(l);
    for (index_t k = 0; k < 8; ++k) {
      float x[lanes];
      store(p[k], x);
      for (index_t l = 0; l < lanes; ++l)
        wrong += x[l] != all_points()[static_cast<std::size_t>(c + l)][k];
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("e8p_codebook: every point has its own code, at every lane width") {
  round_trip<float>();
  round_trip<batch<baseline_arch>>();
  round_trip<batch<default_arch>>();
}

TEST_CASE("e8p_codebook: far points stay in range") {
  for (const float far : {1e6f, -1e36f}) {
    const vec<float, 8> u{far, 1, far, -far, 0, 3, far, 2};
    const std::int32_t c = e8p_codebook::nearest(u);
    CHECK(0 <= c);
    CHECK(c < 65536);
  }
}

}  // namespace
