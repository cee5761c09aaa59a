// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/concepts/equalizer.hpp>

namespace openquant::equalizer {

/// No equalization: every s_j = 1, nothing stored.
struct identity {
  static std::string name() { return "identity"; }
  std::vector<float> scales(std::span<const float>) const { return {}; }
};

static_assert(Equalizer<identity>);

}  // namespace openquant::equalizer
