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
  std::set<std::array<float, 8>> long_ones;
  for (const auto& a : patterns) {
    float norm = 0;
    for (const float magnitude : a) norm += magnitude * magnitude;
    CHECK(norm <= 12);
    if (norm > 10) long_ones.insert(a);
  }
  CHECK(long_ones.size() == 29);
  for (const auto& a : long_ones) {
    for (const auto& b : long_ones) {
      float distance = 0;
      for (std::size_t i = 0; i < 8; ++i) distance += (a[i] - b[i]) * (a[i] - b[i]);
      CHECK((distance == 0 || distance > 2));
    }
  }
  const auto pattern = [](float others, float at_i, int i, float at_j, int j, int k) {
    std::array<float, 8> a;
    a.fill(others);
    const auto at = [&](int n) -> float& { return a[static_cast<std::size_t>(n)]; };
    at(i) = at_i, at(j) = at(k) = at_j;
    return a;
  };
  int listed = 0;
  for (int i = 0; i < 7; ++i) {
    const int a = (i + 1) % 7, b = (i + 2) % 7, c = (i + 3) % 7, d = (i + 4) % 7, e = (i + 5) % 7,
              f = (i + 6) % 7;
    listed += static_cast<int>(long_ones.count(pattern(1.5f, 0.5f, i, 0.5f, b, c)));
    listed += static_cast<int>(long_ones.count(pattern(0.5f, 2.5f, i, 1.5f, a, f)));
    listed += static_cast<int>(long_ones.count(pattern(0.5f, 2.5f, i, 1.5f, b, c)));
    listed += static_cast<int>(long_ones.count(pattern(0.5f, 2.5f, i, 1.5f, d, e)));
  }
  CHECK(listed + static_cast<int>(long_ones.count(pattern(0.5f, 2.5f, 7, 1.5f, 0, 1))) == 29);
}

/// Magnitudes of the pattern of a code without its shift.
vec<float, 8> magnitudes(std::int32_t c) {
  vec<float, 8> a;
  for (index_t i = 0; i < 8; ++i) {
    a[i] = std::fabs(all_points()[static_cast<std::size_t>(c)][i] -
                     ((c >> 7 & 1) == 0 ? 0.25f : -0.25f));
  }
  return a;
}

TEST_CASE("e8p_codebook: masks of 3/2 are their own numbers, the others fill the gaps") {
  vec<float, 8> before{};
  int with_five = 0;
  for (std::int32_t number = 0; number < 256; ++number) {
    const vec<float, 8> a = magnitudes(number << 8);
    index_t five = -1, three = -1, place = 0;
    int mask = 0;
    for (index_t i = 7; i >= 0; --i) {
      if (a[i] == 2.5f) five = i;
      if (a[i] == 1.5f) three = i, mask += 1 << i;
    }
    if (five < 0) {
      CHECK(mask == number);
      continue;
    }
    if (with_five < 64) place = 8 * five + (three < 0 ? five : three);
    if (with_five < 64) CHECK(place == with_five);
    if (with_five >= 64) CHECK(squared_norm(a) == 12);
    if (with_five > 64 && five == 0) CHECK(before[0] == 2.5f);
    before = a, ++with_five;
  }
  CHECK(with_five == 86);
}

TEST_CASE("e8p_codebook: no point is nearer, by trying all of them") {
  int long_ones = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    vec<float, 8> u;
    const auto& start = all_points()[random::index(5, i, 65536)];
    for (index_t k = 0; k < 8; ++k) {
      const float z = random::normal(3, i * 8 + static_cast<std::uint64_t>(k));
      u[k] = i % 2 == 0 ? (0.5f + static_cast<float>(i % 3)) * z : start[k] + 0.6f * z;
      if (i % 5 == 0) u[k] = std::nearbyint(4 * u[k]) / 4;  // where ties are
    }
    float least = 1e9f;
    for (const auto& p : all_points()) least = std::min(least, squared_norm(p - u));
    const auto code = static_cast<std::size_t>(e8p_codebook::nearest(u));
    CHECK(squared_norm(all_points()[code] - u) <= least * (1 + 1e-5f));
    long_ones += squared_norm(magnitudes(static_cast<std::int32_t>(code))) > 11;
  }
  CHECK(long_ones >= 20);
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
