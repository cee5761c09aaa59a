// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <set>

#include <openquant/core/simd.hpp>
#include <openquant/quantizer/e8p_search.hpp>

#include "quantizer/e8p_sample.hpp"

namespace {

using namespace openquant;
using quantizer::e8p_choice;
using quantizer::e8p_codebook;
using quantizer::e8p_search;
using test::e8p_importances;
using test::e8p_sample;

/// Of ties too: the code, the point and the loss are of one point.
int contradictions(const e8p_choice<float>& choice, const vec<float, 8>& u,
                   const vec<float, 8>& h) {
  const vec<float, 8> ones{1, 1, 1, 1, 1, 1, 1, 1};
  const vec<float, 8> p = e8p_codebook::point<float>(choice.code());
  const double loss = test::weighted_distance(h, u, p);
  return (test::weighted_distance(ones, p, choice.point()) != 0) +
         !(std::fabs(static_cast<double>(choice.loss(h)) - loss) <= 1e-5 * (1 + loss));
}

/// The distance that the nearest tells is not that of its point.
bool misjudged(const e8p_choice<float>& nearest, const vec<float, 8>& u) {
  const vec<float, 8> ones{1, 1, 1, 1, 1, 1, 1, 1}, zero{};
  const double all = test::weighted_distance(ones, u, nearest.point()),
               own = test::weighted_distance(ones, u, zero),
               told = 2 * static_cast<double>(nearest.distance) + own + 0.5;
  return !(std::fabs(told - all) <= 1e-5 * (1 + own));
}

TEST_CASE("e8p_choice: code, point, loss and distance are of one point, whatever its pattern") {
  std::set<std::int32_t> patterns;
  int wrong = 0;
  for (std::uint64_t i = 0; i < 60000; ++i) {
    const vec<float, 8> u = e8p_sample(i), h = e8p_importances(i);
    const e8p_search<float> found(u);
    wrong += contradictions(found.nearest(), u, h) + contradictions(found.runner_up(), u, h);
    wrong += misjudged(found.nearest(), u);
    patterns.insert(found.nearest().code() >> 8);
  }
  CHECK(wrong == 0);
  CHECK(patterns.size() == 256);
}

/// Lanes in which the code, the loss or a coordinate is not the one of the lane alone.
template <class T, class Which>
int apart(std::uint64_t first, const Which& which) {
  constexpr std::uint64_t lanes = lane_count<T>;
  const e8p_choice<T> choice = which(e8p_search<T>(test::in_lanes<T>(first, e8p_sample)));
  std::int32_t code[lanes];
  float loss[lanes], p[8][lanes];
  store(choice.code(), code);
  store(choice.loss(test::in_lanes<T>(first, e8p_importances)), loss);
  const vec<T, 8> point = choice.point();
  for (index_t k = 0; k < 8; ++k) store(point[k], p[k]);
  int wrong = 0;
  for (std::uint64_t l = 0; l < lanes; ++l) {
    const e8p_choice<float> alone = which(e8p_search<float>(e8p_sample(first + l)));
    const vec<float, 8> own = alone.point();
    bool same = code[l] == alone.code() && loss[l] == alone.loss(e8p_importances(first + l));
    for (index_t k = 0; k < 8; ++k) same = same && p[k][l] == own[k];
    wrong += !same;
  }
  return wrong;
}

template <class T>
void check_lanes() {
  int wrong = 0;
  for (std::uint64_t i = 0; i < 16384; i += static_cast<std::uint64_t>(lane_count<T>)) {
    wrong += apart<T>(i, [](const auto& found) { return found.nearest(); });
    wrong += apart<T>(i, [](const auto& found) { return found.runner_up(); });
  }
  CHECK(wrong == 0);
}

/// Lanes where one of the two is not what is selected there: the nearest where it is closer than 1,
/// else the runner-up.
template <class T>
int wrong_selections(std::uint64_t first) {
  const vec<T, 8> u = test::in_lanes<T>(first, e8p_sample),
                  h = test::in_lanes<T>(first, e8p_importances);
  const e8p_search<T> found(u);
  const e8p_choice<T> a = found.nearest(), b = found.runner_up();
  const auto close = a.loss(h) < T(1.0f);
  const e8p_choice<T> chosen = select(close, a, b);
  float loss[3][lane_count<T>], distance[3][lane_count<T>];
  std::int32_t code[3][lane_count<T>];
  for (int k = 0; k < 3; ++k) {
    const e8p_choice<T>& c = k == 0 ? a : k == 1 ? b : chosen;
    store(c.loss(h), loss[k]), store(c.distance, distance[k]), store(c.code(), code[k]);
  }
  int wrong = 0;
  for (index_t l = 0; l < lane_count<T>; ++l) {
    const int k = loss[0][l] < 1 ? 0 : 1;
    wrong +=
        loss[2][l] != loss[k][l] || distance[2][l] != distance[k][l] || code[2][l] != code[k][l];
  }
  return wrong;
}

TEST_CASE_TEMPLATE("e8p_choice: selected lane by lane", T, float, batch<baseline_arch>,
                   batch<default_arch>) {
  int wrong = 0;
  for (std::uint64_t i = 0; i < 4096; i += static_cast<std::uint64_t>(lane_count<T>)) {
    wrong += wrong_selections<T>(i);
  }
  CHECK(wrong == 0);
}

TEST_CASE("e8p_choice: every lane has the code, the point and the loss it has alone") {
  check_lanes<batch<baseline_arch>>();
#if defined(__AVX2__)
  check_lanes<batch<xsimd::avx2>>();
#endif
  check_lanes<batch<default_arch>>();
}

}  // namespace
