// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/quantizer/gaussian_scale.hpp>

namespace {

using namespace openquant;
using quantizer::fit_gaussian_scale;
using quantizer::gaussian_fit;
using quantizer::gaussian_scale_bits;
using quantizer::pack_gaussian_scale;
using quantizer::unpack_gaussian_scale;

/// -1, 0 or 1 times sigma.
struct ternary {
  static constexpr index_t dim = 1, scale_fields = 1;
  template <class T>
  lane_int_t<T> encode(const vec<T, 1>& x, const vec<T, 1>& s) const {
    return to_int(min(max(round_even(x[0] / s[0]), T(-1.0f)), T(1.0f)) + T(1.0f));
  }
  template <class T, class Code>
  vec<T, 1> decode(const Code& c, const vec<T, 1>& s) const {
    return {(to_float(c) - T(1.0f)) * s[0]};
  }
};

double loss(const std::vector<float>& x, const std::vector<float>& h, float sigma) {
  double sum = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const vec<float, 1> s{sigma};
    const auto e = static_cast<double>(
        x[j] - ternary{}.decode(ternary{}.encode(vec<float, 1>{x[j]}, s), s)[0]);
    sum += static_cast<double>(h[j]) * e * e;
  }
  return sum;
}

TEST_CASE("gaussian_scale: norm is the root mean square, none is 1") {
  const std::vector<float> x{3, -4, 0, 0};
  const group_view<float> group(x.data(), 1, 4);
  CHECK(fit_gaussian_scale(ternary{}, group, gaussian_fit::norm)[0] == 2.5f);
  CHECK(fit_gaussian_scale(ternary{}, group, gaussian_fit::none)[0] == 1.0f);
}

TEST_CASE("gaussian_scale: the search is within 2 % of a dense grid over the same range") {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
    std::vector<float> x(128), h(128);
    for (std::size_t j = 0; j < x.size(); ++j) {
      x[j] = random::normal(seed, j);
      h[j] = static_cast<float>(1 / random::uniform(seed + 10, j));  // heavy tails
    }
    const group_view<float> group(x.data(), 1, 128, h.data());
    const float sigma = fit_gaussian_scale(ternary{}, group, gaussian_fit::norm)[0];
    const double found =
        loss(x, h, fit_gaussian_scale(ternary{}, group, gaussian_fit::weighted)[0]);
    double best = found;
    for (int k = 800; k <= 1200; ++k) {
      best = std::min(best, loss(x, h, sigma * 0.001f * static_cast<float>(k)));
    }
    CHECK(found <= loss(x, h, sigma) * (1 + 1e-5));  // sums in float, not in double
    CHECK(found <= 1.02 * best);
    const std::vector<float> ones(128, 1.0f);
    CHECK(loss(x, ones, fit_gaussian_scale(ternary{}, group, gaussian_fit::mse)[0]) <=
          loss(x, ones, sigma) * (1 + 1e-5));
  }
}

TEST_CASE(
    "gaussian_scale: the search is that of the definition, 9 candidates and 5 around the best") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<float> x(64);
    for (std::size_t j = 0; j < x.size(); ++j) x[j] = random::normal(seed, j);
    const group_view<float> group(x.data(), 1, 64);
    const float sigma = fit_gaussian_scale(ternary{}, group, gaussian_fit::norm)[0];
    const auto coarse = quantizer::best_scale(ternary{}, group, 9, [&](index_t k) {
      return vec<float, 1>{sigma * (0.80f + 0.05f * static_cast<float>(k))};
    });
    const auto fine = quantizer::best_scale(ternary{}, group, 5, [&](index_t k) {
      return vec<float, 1>{coarse[0] * (0.96f + 0.02f * static_cast<float>(k))};
    });
    CHECK(fit_gaussian_scale(ternary{}, group, gaussian_fit::mse)[0] == fine[0]);
  }
}

TEST_CASE("gaussian_scale: without importances, or with none that counts, weighted is mse") {
  std::vector<float> x(64);
  const std::vector<float> zero(64);
  for (std::size_t j = 0; j < x.size(); ++j) x[j] = random::normal(7, j);
  const float mse =
      fit_gaussian_scale(ternary{}, group_view<float>(x.data(), 1, 64), gaussian_fit::mse)[0];
  for (const float* h : {static_cast<const float*>(nullptr), zero.data()}) {
    const group_view<float> group(x.data(), 1, 64, h);
    CHECK(fit_gaussian_scale(ternary{}, group, gaussian_fit::weighted)[0] == mse);
  }
}

TEST_CASE("gaussian_scale: stored as the nearest fp16, at most its largest") {
  for (const auto fit_by : {gaussian_fit::norm, gaussian_fit::mse, gaussian_fit::weighted}) {
    const auto stored = [&](float sigma) {
      const std::uint64_t bits = pack_gaussian_scale({sigma}, fit_by);
      CHECK(bits < (std::uint64_t{1} << gaussian_scale_bits(fit_by)));
      return unpack_gaussian_scale(bits, fit_by)[0];
    };
    CHECK(gaussian_scale_bits(fit_by) == 16);
    for (const float exact : {0.0f, 0x1p-24f, 0.5f, 1.0f, 1.0f + 0x1p-10f, 65504.0f}) {
      CHECK(stored(exact) == exact);
    }
    CHECK(stored(1.0f + 0x1.8p-11f) == 1.0f + 0x1p-10f);
    CHECK(stored(1.0f + 0x0.8p-11f) == 1.0f);
    CHECK(stored(1e6f) == 65504.0f);
  }
}

TEST_CASE("gaussian_scale: by none nothing is stored, and sigma is 1") {
  CHECK(gaussian_scale_bits(gaussian_fit::none) == 0);
  CHECK(pack_gaussian_scale({0.25f}, gaussian_fit::none) == 0);
  CHECK(unpack_gaussian_scale(0, gaussian_fit::none)[0] == 1.0f);
}

/// Of the ternary points as if nothing were coded as 0.
struct binary_loss {
  static constexpr index_t dim = 1, scale_fields = 1;
  static constexpr float loss_unit = 1;
  template <class T>
  T loss(const vec<T, 1>& u, const vec<T, 1>& h) const {
    const T error = abs(u[0]) - T(1.0f);
    return h[0] * (error * error);
  }
};

TEST_CASE("gaussian_scale: rough losses choose one candidate of either half of the nine") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<float> x(64);
    for (std::size_t j = 0; j < x.size(); ++j) x[j] = random::normal(seed, j);
    const group_view<float> group(x.data(), 1, 64);
    const float sigma = fit_gaussian_scale(ternary{}, group, gaussian_fit::norm)[0];
    float best[2] = {}, least[2] = {1e9f, 1e9f};
    for (int k = 0; k < 9; ++k) {
      const float s = sigma * (0.80f + 0.05f * static_cast<float>(k));
      float sum = 0;
      for (const float value : x) sum += (std::fabs(value) - s) * (std::fabs(value) - s);
      if (sum < least[k % 2]) least[k % 2] = sum, best[k % 2] = s;
    }
    const auto coarse = quantizer::best_scale(ternary{}, group, 2,
                                              [&](index_t k) { return vec<float, 1>{best[k]}; });
    const auto fine = quantizer::best_scale(ternary{}, group, 5, [&](index_t k) {
      return vec<float, 1>{coarse[0] * (0.96f + 0.02f * static_cast<float>(k))};
    });
    CHECK(fit_gaussian_scale(ternary{}, group, gaussian_fit::mse, binary_loss{})[0] == fine[0]);
  }
}

}  // namespace
