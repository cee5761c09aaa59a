// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include <openquant/core/random.hpp>

namespace openquant::quantizer::code {

/// A hash of the state that picks one of 2^Q magnitudes and a sign: between a computed code and a
/// table. For one weight a state (V = 1); the published one gives two.
///
///   h = s (s + 1) mod 2^32     bit  15 | 14 ... 15 - Q |
///                                  sign    magnitude
///
/// The magnitudes are the quantiles (i + 1/2) / 2^Q of |N(0,1)|: with Q = 6 they fill four AVX-512
/// registers.
///
/// Error:   docs/quantizer/trellis.md
/// Source:  Tseng et al., "QTIP", arXiv 2406.11235, Secs. 3.2.2 and 4.3 (hash; Q = 6, V = 1)
template <int Q = 6>
struct hybrid {
  static_assert(1 <= Q && Q <= 14);
  static constexpr std::uint32_t size = std::uint32_t{1} << Q;

  static std::string name() { return "hybrid<" + std::to_string(Q) + ">"; }

  template <int B, int L>
  static float value(std::uint32_t state) {
    static_assert(1 <= B && B <= 4);
    constexpr float scale[] = {0.90f, 1.06f, 1.12f, 1.20f};
    const std::uint32_t h = state * (state + 1);
    const float magnitude = magnitudes()[h >> (15 - Q) & (size - 1)];
    return (h >> 15 & 1 ? -magnitude : magnitude) * scale[B - 1];
  }

  static const std::array<float, size>& magnitudes() {
    static const std::array<float, size> table = [] {
      std::array<float, size> quantile{};
      for (std::uint32_t i = 0; i < size; ++i) {
        quantile[i] = static_cast<float>(random::normal_quantile(0.5 + (i + 0.5) / (2.0 * size)));
      }
      return quantile;
    }();
    return table;
  }
};

}  // namespace openquant::quantizer::code
