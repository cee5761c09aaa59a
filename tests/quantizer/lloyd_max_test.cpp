// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include <openquant/metric/gaussian.hpp>
#include <openquant/quantizer/lloyd_max.hpp>

#include "laws/quantizer_laws.hpp"
#include "quantizer/counted_lane.hpp"

namespace {

using namespace openquant;
using quantizer::lloyd_max;
using quantizer::lloyd_max_fit;

std::vector<float> normal_weights(std::size_t count, std::uint64_t seed) {
  std::vector<float> x(count);
  for (std::size_t j = 0; j < count; ++j) x[j] = random::normal(seed, j);
  return x;
}
group_view<float> view(const std::vector<float>& x, const std::vector<float>& h = {}) {
  return {x.data(), 1, static_cast<index_t>(x.size()), h.empty() ? nullptr : h.data()};
}

/// sum_j h_j (x_j - x_hat_j)^2, in double.
template <int B>
double loss(float sigma, const std::vector<float>& x, const std::vector<float>& h) {
  const lloyd_max<B> q;
  double sum = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const vec<float, 1> s{sigma};
    const auto e = static_cast<double>(x[j] - q.decode(q.encode(vec<float, 1>{x[j]}, s), s)[0]);
    sum += static_cast<double>(h[j]) * e * e;
  }
  return sum;
}

TEST_CASE("lloyd_max: laws") {
  laws::check_quantizer_laws(lloyd_max<1>{}, {.nearest = true});
  laws::check_quantizer_laws(lloyd_max<2>{.fit_by = lloyd_max_fit::norm}, {.nearest = true});
  laws::check_quantizer_laws(lloyd_max<3>{.fit_by = lloyd_max_fit::corrected_norm},
                             {.nearest = true});
  laws::check_quantizer_laws(lloyd_max<4>{.fit_by = lloyd_max_fit::mse}, {.nearest = true});
  laws::check_quantizer_laws(lloyd_max<6>{}, {.nearest = true});
}

TEST_CASE("lloyd_max: codes ascend with the levels") {
  const lloyd_max<2> q;  // levels -1.510, -0.4528, 0.4528, 1.510
  const vec<float, 1> s{2};
  CHECK(q.encode(vec<float, 1>{-4.0f}, s) == 0);
  CHECK(q.encode(vec<float, 1>{-1.9f}, s) == 1);
  CHECK(q.encode(vec<float, 1>{1.9f}, s) == 2);  // the threshold is 2 * 0.9816
  CHECK(q.encode(vec<float, 1>{2.0f}, s) == 3);
  CHECK(q.decode(0, s)[0] == doctest::Approx(-3.0208).epsilon(1e-4));
  CHECK(q.decode(1, s)[0] == doctest::Approx(-0.9056).epsilon(1e-4));
  CHECK(q.decode(2, s)[0] == -q.decode(1, s)[0]);
  CHECK(q.decode(3, s)[0] == -q.decode(0, s)[0]);
}

/// Sample and expectation of the squared error on N(0,1), apart by at most five standard deviations
/// of the sample; the deviation by the midpoint rule.
template <int B>
void check_gaussian(double expected) {
  constexpr index_t samples = index_t{1} << 16;
  constexpr int points = 4000;
  constexpr double width = 16.0 / points;
  double second = 0, fourth = 0;
  for (int i = 0; i < points; ++i) {
    const double x = -8 + (i + 0.5) * width;
    const double mass = width * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
    const double square = loss<B>(1, {static_cast<float>(x)}, {1});
    second += mass * square;
    fourth += mass * square * square;
  }
  CAPTURE(B);
  CHECK(second == doctest::Approx(expected).epsilon(1e-3));
  const double deviation = std::sqrt((fourth - second * second) / samples);
  const double mse = metric::gaussian(lloyd_max<B>{.fit_by = lloyd_max_fit::norm}, samples, 1).mse;
  CHECK(std::fabs(mse - expected) <= 5 * deviation);
}

TEST_CASE("lloyd_max: the docstring's errors, by integration and by Monte Carlo") {
  check_gaussian<1>(0.36338);
  check_gaussian<2>(0.11748);
  check_gaussian<3>(0.034548);
  check_gaussian<4>(0.009501);
}

TEST_CASE("lloyd_max: fitted by norm, sigma is the root mean square") {
  const std::vector<float> x{3, -4, 0, 0};
  CHECK(lloyd_max<3>{.fit_by = lloyd_max_fit::norm}.fit(view(x))[0] == 2.5f);
}

TEST_CASE("lloyd_max: the corrected norm gives codes of the plain one the norm of the group") {
  const lloyd_max<3> q{.fit_by = lloyd_max_fit::corrected_norm};
  const std::vector<float> x = normal_weights(64, 5);
  const auto plain = lloyd_max<3>{.fit_by = lloyd_max_fit::norm}.fit(view(x)), s = q.fit(view(x));
  double norm = 0, decoded = 0;
  for (const float value : x) {
    const auto x_hat = static_cast<double>(q.decode(q.encode(vec<float, 1>{value}, plain), s)[0]);
    norm += static_cast<double>(value) * static_cast<double>(value);
    decoded += x_hat * x_hat;
  }
  CHECK(decoded == doctest::Approx(norm).epsilon(1e-5));
}

TEST_CASE("lloyd_max: the searched scale beats the norm's and a dense grid's by all but 2 %") {
  const lloyd_max<3> q;
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
    const std::vector<float> x = normal_weights(128, seed);
    std::vector<float> h(x.size());
    for (std::size_t j = 0; j < h.size(); ++j) {
      h[j] = static_cast<float>(1 / random::uniform(seed + 10, j));  // heavy tails
    }
    const float sigma = lloyd_max<3>{.fit_by = lloyd_max_fit::norm}.fit(view(x))[0];
    const double found = loss<3>(q.fit(view(x, h))[0], x, h);
    CHECK(found <= loss<3>(sigma, x, h) * (1 + 1e-5));  // sums in float, not in double
    double best = found;
    for (int k = 300; k < 2000; ++k) {
      best = std::min(best, loss<3>(sigma * 0.001f * static_cast<float>(k), x, h));
    }
    CHECK(found <= 1.02 * best);
  }
}

TEST_CASE("lloyd_max: fitted by mse, importances do not count") {
  const std::vector<float> x = normal_weights(32, 6), h = {100, 0, 3};
  std::vector<float> all(32, 0.5f);
  std::copy(h.begin(), h.end(), all.begin());
  const lloyd_max<3> by_mse{.fit_by = lloyd_max_fit::mse}, weighted;
  CHECK(by_mse.fit(view(x, all))[0] == by_mse.fit(view(x))[0]);
  CHECK(weighted.fit(view(x))[0] == by_mse.fit(view(x))[0]);
  CHECK(weighted.fit(view(x, all))[0] != by_mse.fit(view(x))[0]);
}

TEST_CASE("lloyd_max: sigma is stored in fp16") {
  const lloyd_max<4> q;
  CHECK(q.scale_bits() == 16);
  CHECK(lloyd_max<4>::code_bits == 4);
  CHECK(lloyd_max<4>::name() == "lloyd_max<4>");
  CHECK(q.pack({1.0f}) == 0x3c00);
  const float odd = 1.0f + 0x1p-12f;  // a quarter of fp16's spacing above 1
  CHECK(q.unpack(q.pack({odd}))[0] == 1.0f);
}

/// The loss of a point on a fine grid to beyond the last level, in lanes, for each lane that it
/// has.
template <class T, int B>
void check_loss() {
  constexpr index_t lanes = lane_count<T>;
  const vec<float, 1> one{1};
  int wrong = 0;
  for (int i = 0; i < 20000; i += static_cast<int>(lanes)) {
    float x[lanes], told[lanes];
    for (index_t l = 0; l < lanes; ++l) {
      x[l] = 0.0005f * static_cast<float>(i + static_cast<int>(l)) - 5;
    }
    store(lloyd_max<B>{}.loss(vec<T, 1>{load<T>(x)}, vec<T, 1>{T(3.0f)}), told);
    for (index_t l = 0; l < lanes; ++l) {
      const vec<float, 1> u{x[l]};
      const float e = u[0] - lloyd_max<B>{}.decode(lloyd_max<B>{}.encode(u, one), one)[0];
      wrong += told[l] != lloyd_max<B>{}.loss(u, vec<float, 1>{3});
      wrong += std::fabs(told[l] - 3 * e * e) > 1e-6f * (1 + e * e);
    }
  }
  CAPTURE(B);
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("lloyd_max: the loss is that of the code, at any place", T, float,
                   batch<baseline_arch>, batch<default_arch>) {
  check_loss<T, 1>();
  check_loss<T, 2>();
  check_loss<T, 3>();
  check_loss<T, 4>();
  check_loss<T, 5>();
  check_loss<T, 6>();
}

TEST_CASE("lloyd_max: the operations of the docstring") {
  using lane = counted_lane;
  const lloyd_max<4> q;
  lane::done = {};
  const auto code = q.encode(vec<lane, 1>{0.3f}, vec<lane, 1>{1.0f});
  CHECK(lane::done.comparisons == 8 + 1);  // 7 thresholds, the signs of x and of sigma
  CHECK(lane::done.divisions == 1);
  lane::done = {};
  q.decode(code, vec<lane, 1>{1.0f});
  CHECK(lane::done.comparisons == 0);
  lane::done = {};
  const std::vector<float> x = normal_weights(128, 7);
  q.fit(group_view<lane>(x.data(), 1, 128));
  CHECK(lane::done.divisions == 21);  // one of each candidate
}

}  // namespace
