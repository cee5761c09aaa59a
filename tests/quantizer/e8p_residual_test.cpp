// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/quantizer/e8_ball.hpp>
#include <openquant/quantizer/e8p_residual.hpp>

namespace {

using namespace openquant;
using quantizer::e8_ball;
using quantizer::e8p_codebook;
using quantizer::e8p_residual;

constexpr e8p_residual<e8_ball> three{1.75f, 1.65f};
constexpr e8p_residual<e8p_codebook> four{3.65f, 1.35f};

using lanes = batch<default_arch>;

constexpr index_t width = lane_count<lanes>;

/// Points i width, ..., i width + width - 1.
vec<lanes, 8> sample(std::uint64_t i, float deviation) {
  vec<lanes, 8> u;
  for (std::uint64_t k = 0; k < 8; ++k) {
    float lane[width];
    for (std::uint64_t l = 0; l < static_cast<std::uint64_t>(width); ++l) {
      lane[l] = deviation * random::normal(31, (i * width + l) * 8 + k);
    }
    u[static_cast<index_t>(k)] = load<lanes>(lane);
  }
  return u;
}

/// Sum over the lanes of |a - b|^2.
double distance(const vec<lanes, 8>& a, const vec<lanes, 8>& b) {
  return static_cast<double>(reduce_add(squared_norm(a - b)));
}

/// What was found is found again, in the middle as among points that overload.
template <class Stages>
void check_idempotent(const Stages& stages) {
  double moved = 0;
  for (std::uint64_t i = 0; i < 9600 / width; ++i) {
    const auto found = stages.search(sample(i, 0.5f + 0.5f * static_cast<float>(i % 4)));
    const auto y = stages.template point<lanes>(found.first, found.second);
    const auto again = stages.search(y);
    moved += distance(y, stages.template point<lanes>(again.first, again.second));
  }
  CHECK(moved == 0);
}

TEST_CASE("e8p_residual: what it finds, it finds again") {
  check_idempotent(three);
  check_idempotent(four);
}

/// The error is below that of the nearest point with the best remainder, by `gain` of it at least;
/// 64000 points tell it with a standard error of .001.
template <class Second>
void check_gain(const e8p_residual<Second>& stages, float deviation, double gain) {
  double greedy = 0, joint = 0;
  for (std::uint64_t i = 0; i < 64000 / width; ++i) {
    const vec<lanes, 8> u = sample(i, deviation);
    const auto first = e8p_codebook::nearest(u);
    const auto rest = u - e8p_codebook::point<lanes>(first);
    const auto second = Second::nearest(rest * lanes(stages.ratio));
    const auto found = stages.search(u);
    greedy += distance(u, stages.template point<lanes>(first, second));
    joint += distance(u, stages.template point<lanes>(found.first, found.second));
  }
  CAPTURE(greedy);
  CAPTURE(joint);
  CHECK(joint <= (1 - gain) * greedy);
}

TEST_CASE("e8p_residual: the joint search gains 6.5 and 5 % over one stage after the other") {
  check_gain(three, 1, 0.065);
  check_gain(four, 1 / 1.1f, 0.05);
}

/// Importances of 1 here: `limit` bounds how far the mean loss that is told lies from the search's.
template <class Second>
void check_loss(const e8p_residual<Second>& stages, float deviation, double limit) {
  const lanes one(1.0f);
  const vec<lanes, 8> ones{one, one, one, one, one, one, one, one};
  double told = 0, found = 0;
  for (std::uint64_t i = 0; i < 64000 / width; ++i) {
    const vec<lanes, 8> u = sample(i, deviation);
    const auto sum = stages.search(u);
    told += static_cast<double>(reduce_add(stages.loss(u, ones)));
    found += distance(u, stages.template point<lanes>(sum.first, sum.second));
  }
  CAPTURE(told);
  CAPTURE(found);
  CHECK(std::fabs(told / found - 1) <= limit);
}

TEST_CASE("e8p_residual: the loss that is told is the search's to 1 %") {
  check_loss(three, 1, 0.01);
  check_loss(four, 1 / 1.1f, 0.01);
}

/// The told loss is that of the sum with the nearest p and the best r for it; the other sum makes
/// it less or leaves it.
template <class Second>
void check_losses(const e8p_residual<Second>& stages, float deviation) {
  const lanes one(1.0f);
  const vec<lanes, 8> ones{one, one, one, one, one, one, one, one};
  vec<lanes, 8> h = ones;
  for (index_t k = 0; k < 8; ++k) h[k] = lanes(static_cast<float>(k + 1));
  double of_nearest = 0, of_either = 0;
  index_t wrong = 0;
  for (std::uint64_t i = 0; i < 16000 / width; ++i) {
    const vec<lanes, 8> u = sample(i, deviation);
    const auto first = e8p_codebook::nearest(u);
    const auto rest = (u - e8p_codebook::point<lanes>(first)) * lanes(stages.ratio);
    const vec<lanes, 8> e = u - stages.template point<lanes>(first, Second::nearest(rest));
    lanes sum(0.0f);
    for (index_t k = 0; k < 8; ++k) sum = sum + h[k] * (e[k] * e[k]);
    float expected[width], told[width], near[width], either[width];
    store(sum, expected), store(stages.loss_of_nearest(u, h), told);
    store(stages.loss_of_nearest(u, ones), near), store(stages.loss(u, ones), either);
    for (index_t l = 0; l < width; ++l) {
      wrong += !(std::fabs(told[l] - expected[l]) <= 1e-4f * expected[l] + 1e-5f);
      wrong += !(either[l] <= near[l] + 1e-5f);
      of_nearest += static_cast<double>(near[l]), of_either += static_cast<double>(either[l]);
    }
  }
  CHECK(wrong == 0);
  CHECK(of_either < 0.99 * of_nearest);
}

TEST_CASE("e8p_residual: the losses that are told are of the nearest p, or of the better of two") {
  check_losses(three, 1);
  check_losses(four, 1 / 1.1f);
}

TEST_CASE("e8p_residual: on 40 points, not more than 5 % above the best of all 2^24 sums") {
  double found = 0, best = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    vec<float, 8> u;
    for (std::uint64_t k = 0; k < 8; ++k) {
      u[static_cast<index_t>(k)] = random::normal(32, i * 8 + k);
    }
    float least = 1e9f;  // for each r the best p is exact
    for (std::int32_t r = 0; r < 256; ++r) {
      const vec<float, 8> left = u - e8_ball::point<float>(r) * (1 / three.ratio);
      const auto p = e8p_codebook::point<float>(e8p_codebook::nearest(left));
      least = std::min(least, squared_norm(left - p));
    }
    const auto sum = three.search(u);
    found += static_cast<double>(squared_norm(u - three.point<float>(sum.first, sum.second)));
    best += static_cast<double>(least);
  }
  CAPTURE(found);
  CAPTURE(best);
  CHECK(best <= found * (1 + 1e-6));
  CHECK(found <= 1.05 * best);
}

}  // namespace
