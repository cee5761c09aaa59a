// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <openquant/concepts/tile.hpp>
#include <openquant/core/error.hpp>
#include <openquant/core/random.hpp>

namespace openquant::metric {

/// How a quantizer codes N(0,1): bits a weight, mean squared error with its standard error, and 10
/// log10 of that error over the least one possible at these bits, 2^(-2 bits). Side information is
/// NOT in `bits`: groups are so large (65536 weights) that a scale's bits round away.
struct gaussian_distortion {
  double bits, mse, gap_db;
  double standard_error;  ///< of mse, from the scatter of the tiles' (or points') own errors
};

/// Codes independent samples of N(0,1), group by group, with the group's own fitted scale as it
/// would be stored, unpack(pack(fit)). Groups hold 65536 samples, rounded down to whole tiles of as
/// many rows as T has lanes or Q needs; of the last one the samples that fill none are not used.
///
/// Returns: the same on every machine whose quantizer arithmetic is the same, and nearly the same
///          for every lane type T (samples are laid out differently)
/// Throws:  openquant::error where `samples` make no tile
/// Source:  Shannon, IRE Nat. Conv. Rec. 7(4), 1959: D(R) = 2^-2R for a unit Gaussian
template <Lane T = float, Quantizer Q>
gaussian_distortion gaussian(const Q& q, index_t samples, std::uint64_t seed) {
  constexpr index_t dim = Q::dim, rows = std::max(tile_rows<Q>, lane_count<T>);
  constexpr index_t block = dim * rows,
                    blocks_a_group = std::max(index_t{65536} / block, index_t{1});
  if (samples < block) {
    fail("gaussian: ", samples, " samples make no ", rows > 1 ? "tile" : "point of dimension ",
         rows > 1 ? std::string() : std::to_string(dim));
  }
  workspace<Q> memory;
  row_codes<Q, rows> codes;
  matrix<float> scales(Q::scale_fields, rows), x_hat(dim, rows);
  std::vector<float> group;
  double sum = 0, sum_of_squares = 0;  // of the errors of single tiles or points
  index_t count = 0;
  const index_t blocks = samples / block;
  for (index_t first = 0; first < blocks; first += blocks_a_group) {
    group.resize(static_cast<std::size_t>(std::min(blocks_a_group, blocks - first) * block));
    for (std::size_t i = 0; i < group.size(); ++i) {
      group[i] = random::normal(seed, static_cast<std::uint64_t>(first * block) + i);
    }
    const auto size = static_cast<index_t>(group.size());
    const auto scale = q.unpack(q.pack(q.fit(group_view<float>(group.data(), 1, size))));
    for (index_t k = 0; k < Q::scale_fields; ++k) std::ranges::fill(scales.row(k), scale[k]);
    for (index_t i = 0; i < size; i += block) {
      const matrix_view<const float> x(&group[static_cast<std::size_t>(i)], dim, rows);
      encode_rows<T>(q, x, scales, memory, codes);
      decode_rows<T>(q, codes, scales, x_hat);
      for (index_t r = 0; r < rows; r += tile_rows<Q>) {
        double error = 0;
        for (index_t k = 0; k < dim; ++k) {
          for (index_t row = r; row < r + tile_rows<Q>; ++row) {
            const auto e = static_cast<double>(x(k, row) - x_hat(k, row));
            error += e * e;
          }
        }
        sum += error;
        sum_of_squares += error * error;
        ++count;
      }
    }
  }
  const auto n = static_cast<double>(count), weights = static_cast<double>(dim * tile_rows<Q>);
  const double bits = code_rate<Q>, mse = sum / (n * weights);
  const double variance = std::max(0.0, sum_of_squares / n - sum / n * (sum / n));
  return {bits, mse, 10 * std::log10(mse / std::exp2(-2 * bits)),
          std::sqrt(variance / n) / weights};
}

}  // namespace openquant::metric
