// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <tuple>

#include <openquant/concepts/equalizer.hpp>

namespace openquant::equalizer {

/// s_j = H_jj^alpha, divided by the geometric mean over the live channels; 1 where H_jj is 0. A
/// channel with strong inputs gets a finer grid, at the cost of the weak ones.
///
/// Shapes:  diagonal : (n) -> (n)
/// Bits:    16 a channel, stored by the solver
/// Source:  Xiao et al., "SmoothQuant", ICML 2023, Eq. 4, with the Hessian's diagonal for the
///          activations' magnitude and no weight term
struct smoothquant {
  float alpha = 0.15f;

  static std::string name() { return "smoothquant"; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.alpha);
  }

  std::vector<float> scales(std::span<const float> diagonal) const {
    double sum_of_logs = 0;
    std::size_t live = 0;
    for (const float h : diagonal) {
      if (h > 0) sum_of_logs += std::log(static_cast<double>(h)), ++live;
    }
    const double mean_log = live > 0 ? sum_of_logs / static_cast<double>(live) : 0;
    std::vector<float> s(diagonal.size(), 1.0f);
    for (std::size_t j = 0; j < s.size(); ++j) {
      if (diagonal[j] <= 0) continue;
      const double log_ratio = std::log(static_cast<double>(diagonal[j])) - mean_log;
      s[j] = static_cast<float>(std::exp(static_cast<double>(alpha) * log_ratio));
    }
    return s;
  }
};

static_assert(Equalizer<smoothquant>);

}  // namespace openquant::equalizer
