// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <vector>

#include <openquant/core/matrix.hpp>

#include "llm/config.hpp"

namespace llm {

/// Angle per position of each pair of a head: theta^(-2 j / d), then scaled.
///
/// Returns: (head_dim / 2)
/// Source:  Su et al., "RoFormer", 2021; the scaling as transformers' modeling_rope_utils.py has it
inline std::vector<double> rotary_frequencies(const config& c) {
  const rope_scaling& s = c.rope_scaling;
  std::vector<double> frequencies;
  for (oq::index_t j = 0; j < c.head_dim; j += 2) {
    double f = std::pow(c.rope_theta, -static_cast<double>(j) / static_cast<double>(c.head_dim));
    if (s.type == rope_scaling::kind::linear) f /= s.factor;
    if (s.type == rope_scaling::kind::llama3) {
      // Turns in the context trained on: many stay, few slow down, between is a blend.
      const double turns = s.original_max_position_embeddings * f / (2 * 3.14159265358979323846);
      const double kept = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      const double part = kept < 0 ? 0 : kept > 1 ? 1 : kept;
      f = (1 - part) * f / s.factor + part * f;
    }
    frequencies.push_back(f);
  }
  return frequencies;
}

/// Rotary positions 0, 1, ...: at position t, pair (x_j, x_{j + d/2}) of a head turns by t f_j.
class rotary {
 public:
  rotary(const config& c, oq::index_t positions)
      : cosines_(positions, c.head_dim / 2), sines_(positions, c.head_dim / 2) {
    const std::vector<double> frequencies = rotary_frequencies(c);
    for (oq::index_t j = 0; j < c.head_dim / 2; ++j) {
      // One turn after the other in double: off by about 1e-16 a position, far below a float.
      const double f = frequencies[static_cast<std::size_t>(j)];
      const double c1 = std::cos(f), s1 = std::sin(f);
      double cosine = 1, sine = 0;
      for (oq::index_t t = 0; t < positions; ++t) {
        cosines_(t, j) = static_cast<float>(cosine);
        sines_(t, j) = static_cast<float>(sine);
        const double next = cosine * c1 - sine * s1;
        sine = cosine * s1 + sine * c1;
        cosine = next;
      }
    }
  }

  /// Turns one head. Shapes: head : (positions, head_dim), in place
  void apply(oq::matrix_view<float> head) const {
    const oq::index_t half = head.cols() / 2;
    for (oq::index_t t = 0; t < head.rows(); ++t) {
      float* low = head.row(t).data();
      float* high = low + half;
      for (oq::index_t j = 0; j < half; ++j) {
        const float x = low[j], y = high[j], cosine = cosines_(t, j), sine = sines_(t, j);
        low[j] = x * cosine - y * sine;
        high[j] = y * cosine + x * sine;
      }
    }
  }

 private:
  oq::matrix<float> cosines_, sines_;  // (positions, head_dim / 2)
};

}  // namespace llm
