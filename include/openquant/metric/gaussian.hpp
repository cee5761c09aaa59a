// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/error.hpp>
#include <openquant/core/random.hpp>

namespace openquant::metric {

/// How a quantizer codes N(0,1): bits a weight, mean squared error, and 10 log10 of that error over
/// the least one possible at these bits, 2^(-2 bits). Side information is NOT in `bits`: groups are
/// so large (65536 weights) that a scale's bits round away.
struct gaussian_distortion {
  double bits, mse, gap_db;
};

/// Codes independent samples of N(0,1), group by group, with the group's own fitted scale as it
/// would be stored, unpack(pack(fit)). Groups hold 65536 samples, rounded down to whole points; of
/// the last one the samples that fill no whole point are not used.
///
/// Returns: the same on every machine whose quantizer arithmetic is the same; the scalar lane
/// Throws:  openquant::error where `samples` make no point
/// Source:  Shannon, IRE Nat. Conv. Rec. 7(4), 1959: D(R) = 2^-2R for a unit Gaussian
template <Quantizer Q>
gaussian_distortion gaussian(const Q& q, index_t samples, std::uint64_t seed) {
  constexpr index_t dim = Q::dim, group_size = std::max(index_t{65536} / dim, index_t{1}) * dim;
  if (samples < dim) fail("gaussian: ", samples, " samples make no point of dimension ", dim);
  const index_t used = samples / dim * dim;
  double sum = 0;
  std::vector<float> group;
  for (index_t start = 0; start < used; start += group_size) {
    group.resize(static_cast<std::size_t>(std::min(group_size, used - start)));
    for (std::size_t i = 0; i < group.size(); ++i) {
      group[i] = random::normal(seed, static_cast<std::uint64_t>(start) + i);
    }
    const auto size = static_cast<index_t>(group.size());
    const auto scale = q.unpack(q.pack(q.fit(group_view<float>(group.data(), 1, size))));
    for (index_t i = 0; i < size; i += dim) {
      point_t<Q> x;
      for (index_t k = 0; k < dim; ++k) x[k] = group[static_cast<std::size_t>(i + k)];
      const point_t<Q> error = x - q.decode(q.encode(x, scale), scale);
      for (index_t k = 0; k < dim; ++k) {
        sum += static_cast<double>(error[k]) * static_cast<double>(error[k]);
      }
    }
  }
  const double bits = static_cast<double>(Q::code_bits) / static_cast<double>(dim);
  const double mse = sum / static_cast<double>(used);
  return {bits, mse, 10 * std::log10(mse / std::exp2(-2 * bits))};
}

}  // namespace openquant::metric
