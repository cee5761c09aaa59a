// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include <openquant/concepts/equalizer.hpp>
#include <openquant/equalizer/smoothquant.hpp>

#include "laws/equalizer_laws.hpp"

using namespace openquant;

namespace {

// snippet: two_levels
/// Loud channels, those above the geometric mean, get twice the scale of the others.
struct two_levels {
  static std::string name() { return "two_levels"; }
  std::vector<float> scales(std::span<const float> diagonal) const {
    double sum_of_logs = 0, live = 0, loud = 0;
    for (const float h : diagonal) {
      if (h > 0) sum_of_logs += std::log(static_cast<double>(h)), ++live;
    }
    const auto is_loud = [&](float h) {
      return h > 0 && std::log(static_cast<double>(h)) > sum_of_logs / live + 1e-3;
    };
    for (const float h : diagonal) loud += is_loud(h);
    std::vector<float> s;
    for (const float h : diagonal) {
      const double doublings = live > 0 ? is_loud(h) - loud / live : 0;  // their mean is 0
      s.push_back(h > 0 ? static_cast<float>(std::exp2(doublings)) : 1.0f);
    }
    return s;
  }
};
static_assert(Equalizer<two_levels>);
// snippet end

TEST_CASE("equalizer: one of your own passes the laws") {
  laws::check_equalizer_laws(two_levels{});
  const std::vector<float> s = two_levels{}.scales(std::vector<float>{1, 100, 0, 1, 100});
  CHECK(s[1] == 2 * s[0]);
  CHECK(s[0] == doctest::Approx(std::sqrt(0.5)));
  CHECK(s[2] == 1);
}

// What is no equalizer: one requirement each is missing or wrong.
struct without_scales : two_levels {
  void scales(std::span<const float>) const = delete;
};
struct in_double : two_levels {
  std::vector<double> scales(std::span<const float>) const { return {}; }
};
struct without_name : two_levels {
  void name() const = delete;
};
struct another : two_levels {};

static_assert(Equalizer<another>);
static_assert(!Equalizer<int>);
static_assert(!Equalizer<without_scales>);
static_assert(!Equalizer<in_double>);
static_assert(!Equalizer<without_name>);

// What is one to the compiler, and breaks one law each.
template <class F>
struct equalizer_from {
  F f;
  static std::string name() { return "equalizer_from"; }
  std::vector<float> scales(std::span<const float> diagonal) const { return f(diagonal); }
};
template <class F>
equalizer_from(F) -> equalizer_from<F>;

std::vector<float> smooth(std::span<const float> diagonal) {
  return equalizer::smoothquant{.alpha = 0.5f}.scales(diagonal);
}

TEST_CASE("equalizer: every law refuses who breaks it") {
  CHECK(!laws::scales_are_positive(equalizer_from{[](std::span<const float> d) {
    std::vector<float> s(d.size());
    for (std::size_t j = 0; j < d.size(); ++j) s[j] = std::sqrt(d[j]);  // 0 for a dead channel
    return s;
  }}));
  CHECK(!laws::scales_are_positive(equalizer_from{
      [](std::span<const float> d) { return std::vector<float>(d.size() / 2, 1.0f); }}));
  CHECK(!laws::live_scales_have_mean_one(equalizer_from{[](std::span<const float> d) {
    std::vector<float> s = smooth(d);
    for (float& value : s) value *= 1.01f;
    return s;
  }}));
  CHECK(!laws::channels_are_equal_before_it(equalizer_from{[](std::span<const float> d) {
    std::vector<float> s = smooth(d);
    if (s.size() > 1) s[0] *= 2, s[1] /= 2;
    return s;
  }}));
  CHECK(!laws::unit_is_irrelevant(equalizer_from{[](std::span<const float> d) {
    std::vector<float> s(d.begin(), d.end());
    for (float& value : s) value = 1 + value;
    return s;
  }}));
}

}  // namespace
