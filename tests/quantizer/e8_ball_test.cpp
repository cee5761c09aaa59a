// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <doctest/doctest.h>
#include <set>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/e8_ball.hpp>

namespace {

using namespace openquant;
using quantizer::e8_ball;

const std::vector<vec<float, 8>>& all_points() {
  static const std::vector<vec<float, 8>> points = [] {
    std::vector<vec<float, 8>> p;
    for (std::int32_t c = 0; c < 256; ++c) p.push_back(e8_ball::point<float>(c));
    return p;
  }();
  return points;
}

TEST_CASE("e8_ball: 256 points of E8: 1, 240 and 15 of squared norm 0, 2 and 4") {
  std::set<std::array<float, 8>> distinct;
  std::array<int, 5> of_norm{};
  for (const auto& p : all_points()) {
    CHECK(squared_norm(p - lattice::e8::nearest(p)) == 0);
    ++of_norm.at(static_cast<std::size_t>(squared_norm(p)));
    distinct.insert(std::to_array(p.x));
  }
  CHECK(distinct.size() == 256);
  CHECK(of_norm == std::array<int, 5>{1, 0, 240, 0, 15});
  CHECK(squared_norm(all_points()[15]) == 0);
}

TEST_CASE("e8_ball: no point is nearer, by trying all of them") {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    vec<float, 8> u;
    for (index_t k = 0; k < 8; ++k) {
      const auto j = i * 8 + static_cast<std::uint64_t>(k);
      u[k] = (0.3f + 0.3f * static_cast<float>(i % 4)) * random::normal(3, j);
      if (i % 5 == 0) u[k] = std::nearbyint(2 * u[k]) / 2;  // where ties are
    }
    if (i % 7 == 0) u[7] = -2 - u[7] * u[7];  // towards the point that is not there
    float least = 1e9f;
    for (const auto& p : all_points()) least = std::min(least, squared_norm(p - u));
    const auto found = e8_ball::find(u);
    const auto code = static_cast<std::size_t>(found.code());
    CHECK(squared_norm(all_points()[code] - u) <= least * (1 + 1e-5f));
    CHECK(squared_norm(all_points()[code] - found.point()) == 0);
    const vec<float, 8> h{1, 2, 3, 4, 5, 6, 7, 8}, e = u - found.point();
    float loss = 0;
    for (index_t k = 0; k < 8; ++k) loss += h[k] * e[k] * e[k];
    CHECK(std::fabs(found.loss(h) - loss) <= 1e-5f * (1 + loss));
    CHECK(std::fabs(2 * found.distance + squared_norm(u) - squared_norm(e)) <=
          1e-5f * (1 + squared_norm(u)));
    const auto other = e8_ball::find(u * -0.5f);
    CHECK(select(true, found, other).loss(h) == found.loss(h));
    CHECK(select(true, found, other).distance == found.distance);
    CHECK(select(false, found, other).code() == other.code());
    CHECK(select(false, found, other).loss(h) == other.loss(h));
  }
}

TEST_CASE_TEMPLATE("e8_ball: every point has its own code", T, float, batch<baseline_arch>,
                   batch<default_arch>) {
  constexpr index_t lanes = lane_count<T>;
  int wrong = 0;
  for (std::int32_t c = 0; c < 256; c += static_cast<std::int32_t>(lanes)) {
    float code[lanes];
    std::int32_t again[lanes];
    for (index_t l = 0; l < lanes; ++l) code[l] = static_cast<float>(c + static_cast<int>(l));
    const vec<T, 8> p = e8_ball::point<T>(to_int(load<T>(code)));
    const auto found = e8_ball::find(p);
    store(found.code(), again);
    const vec<T, 8> same = found.point();
    for (index_t l = 0; l < lanes; ++l) wrong += again[l] != c + static_cast<int>(l);
    for (index_t k = 0; k < 8; ++k) {
      float x[lanes], y[lanes];
      store(p[k], x);
      store(same[k], y);
      for (index_t l = 0; l < lanes; ++l) {
        wrong += x[l] != all_points()[static_cast<std::size_t>(c + l)][k] || x[l] != y[l];
      }
    }
  }
  CHECK(wrong == 0);
}

}  // namespace
