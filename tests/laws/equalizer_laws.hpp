// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/concepts/equalizer.hpp>
#include <openquant/core/random.hpp>

/// What every equalizer must do, as predicates; `check_equalizer_laws`, at the end, runs them under
/// doctest. An equalizer that returns no scales, because every s_j is 1, keeps all of them.
namespace openquant::laws {

/// Diagonals of second moments: log-normal, all equal, one loud channel, dead channels, all dead,
/// one channel, no channel.
inline std::vector<std::vector<float>> test_diagonals() {
  std::vector<float> spread(64);
  for (std::size_t j = 0; j < spread.size(); ++j) {
    spread[j] = std::exp(2 * random::normal(1, j));
  }
  std::vector<float> loud = spread, dead = spread;
  loud[17] = 1e6f;
  for (const std::size_t j : {0u, 5u, 63u}) dead[j] = 0;
  return {spread, std::vector<float>(8, 3.0f), loud, dead, std::vector<float>(4), {0.25f}, {}};
}

/// One finite positive scale for each channel, dead ones included; or none at all, for every
/// diagonal alike.
template <Equalizer E>
bool scales_are_positive(const E& e) {
  const bool trivial = e.scales(test_diagonals().front()).empty();
  for (const auto& diagonal : test_diagonals()) {
    const std::vector<float> s = e.scales(diagonal);
    if (s.size() != (trivial ? 0 : diagonal.size())) return false;
    for (const float value : s) {
      if (!(value > 0) || !std::isfinite(value)) return false;
    }
  }
  return true;
}

/// The geometric mean over the live channels is 1, to float's rounding of each scale.
template <Equalizer E>
bool live_scales_have_mean_one(const E& e) {
  for (const auto& diagonal : test_diagonals()) {
    const std::vector<float> s = e.scales(diagonal);
    double sum_of_logs = 0, live = 0;
    for (std::size_t j = 0; j < s.size(); ++j) {
      if (diagonal[j] > 0) sum_of_logs += std::log(static_cast<double>(s[j])), ++live;
    }
    if (!(std::fabs(sum_of_logs) <= 1e-5 * live)) return false;
  }
  return true;
}

inline bool nearly_equal(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](float x, float y) { return std::fabs(x - y) <= 1e-5f * std::fabs(x); });
}

/// Reversed channels have the reversed scales.
template <Equalizer E>
bool channels_are_equal_before_it(const E& e) {
  for (auto diagonal : test_diagonals()) {
    std::vector<float> s = e.scales(diagonal);
    std::reverse(diagonal.begin(), diagonal.end());
    std::reverse(s.begin(), s.end());
    if (!nearly_equal(e.scales(diagonal), s)) return false;
  }
  return true;
}

/// The unit of the activations does not matter.
template <Equalizer E>
bool unit_is_irrelevant(const E& e) {
  for (const auto& diagonal : test_diagonals()) {
    for (const float unit : {1e-4f, 700.0f}) {
      std::vector<float> other = diagonal;
      for (float& value : other) value *= unit;
      if (!nearly_equal(e.scales(other), e.scales(diagonal))) return false;
    }
  }
  return true;
}

/// All laws of docs/concepts/equalizer.md.
///
///   TEST_CASE("mine: laws") { laws::check_equalizer_laws(mine{.alpha = 0.5f}); }
template <Equalizer E>
void check_equalizer_laws(const E& e) {
  CAPTURE(E::name());
  CHECK(scales_are_positive(e));
  CHECK(live_scales_have_mean_one(e));
  CHECK(channels_are_equal_before_it(e));
  CHECK(unit_is_irrelevant(e));
  for (const auto& diagonal : test_diagonals()) CHECK(e.scales(diagonal) == e.scales(diagonal));
}

}  // namespace openquant::laws
