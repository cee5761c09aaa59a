// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/quantizer/voronoi_code.hpp>

namespace openquant::quantizer {

/// Four scales beta of least error for N(0,1), ascending, out of a grid, with that error a weight
/// on the sample; scales are those of the lattice at unit volume.
struct voronoi_scales {
  std::array<float, 4> beta;
  double mse;
};

/// How the scales of voronoi<Lattice, q> are chosen, and how to choose them for a lattice of your
/// own; `radius` is that of the sphere in its Voronoi cell. If each point takes the smallest scale
/// at which it does not overload, the total error is a sum over the gaps between chosen scales, and
/// over the points drawn in beyond the last, which a dynamic programme makes least. The choice then
/// moves a step of the grid at a time while the error of the best scale, which is what the
/// quantizer takes, still falls.
///
/// Shapes:  `samples` points, a multiple of T's lanes; grid ascending, at least 4
/// Cost:    4 |grid| nearest points a sample, then 4 |grid|^2 and 8 samples a move
/// Source:  Savkin et al., "NestQuant", arXiv 2502.09720, Sec. 4 (dynamic programme)
template <class T, Lattice L, int q>
voronoi_scales choose_voronoi_scales(const std::vector<float>& grid, float radius, index_t samples,
                                     std::uint64_t seed) {
  using code = voronoi_code<L, q>;
  constexpr index_t dim = L::dim, lanes = lane_count<T>;
  constexpr std::size_t k = 4;
  const std::size_t size = grid.size(), count = static_cast<std::size_t>(samples);
  // Of sample m at grid point g, [m size + g]: as it is, and where it may be drawn in.
  std::vector<float> error(count * size), outer_error(count * size);
  std::vector<std::size_t> fits(count);  // the first grid point at which it does not overload
  for (index_t m = 0; m < samples; m += lanes) {
    vec<T, dim> x;
    for (index_t i = 0; i < dim; ++i) {
      float lane[lanes];
      for (index_t l = 0; l < lanes; ++l) {
        lane[l] = random::normal(seed, static_cast<std::uint64_t>((m + l) * dim + i));
      }
      x[i] = load<T>(lane);
    }
    const auto first = static_cast<std::size_t>(m);
    for (std::size_t l = 0; l < static_cast<std::size_t>(lanes); ++l) fits[first + l] = size;
    for (std::size_t g = size; g-- > 0;) {
      const float step = grid[g] / static_cast<float>(q * code::unit_length);
      const vec<T, dim> p = L::nearest(x * T(1 / step));
      const vec<T, dim> r = code::representative(code::digits(p));
      const vec<T, dim> drawn = code::nearest(code::draw_in(x, radius, step), step);
      const T as_it_is = squared_norm(x - r * T(step));
      float squared[lanes], outer[lanes], moved[lanes];
      store(as_it_is, squared);
      store(min(as_it_is, squared_norm(x - code::representative(drawn) * T(step))), outer);
      store(squared_norm(p - r), moved);
      for (std::size_t l = 0; l < static_cast<std::size_t>(lanes); ++l) {
        error[(first + l) * size + g] = squared[l];
        outer_error[(first + l) * size + g] = outer[l];
        if (moved[l] == 0 && fits[first + l] == g + 1) fits[first + l] = g;
      }
    }
  }

  // below[g * size + j]: error at grid point j of the samples that fit first below g.
  std::vector<double> below((size + 2) * size);
  std::vector<double> beyond(size);  // outer errors at grid point j of those that do not fit it
  for (std::size_t m = 0; m < count; ++m) {
    for (std::size_t j = 0; j < size; ++j) {
      below[(fits[m] + 1) * size + j] += static_cast<double>(error[m * size + j]);
      if (fits[m] > j) beyond[j] += static_cast<double>(outer_error[m * size + j]);
    }
  }
  for (std::size_t g = 1; g <= size + 1; ++g) {
    for (std::size_t j = 0; j < size; ++j) below[g * size + j] += below[(g - 1) * size + j];
  }
  // least[t][j]: t + 1 scales, the largest j, without the samples that do not fit j.
  std::vector<std::vector<double>> least(k, std::vector<double>(size, 1e300));
  std::vector<std::vector<std::size_t>> from(k, std::vector<std::size_t>(size));
  for (std::size_t j = 0; j < size; ++j) least[0][j] = below[(j + 1) * size + j];
  for (std::size_t t = 1; t < k; ++t) {
    for (std::size_t j = t; j < size; ++j) {
      for (std::size_t i = t - 1; i < j; ++i) {
        const double sum = least[t - 1][i] + below[(j + 1) * size + j] - below[(i + 1) * size + j];
        if (sum < least[t][j]) least[t][j] = sum, from[t][j] = i;
      }
    }
  }
  std::array<std::size_t, k> chosen{};
  double best = 1e300;
  for (std::size_t j = k - 1; j < size; ++j) {
    const double sum = least[k - 1][j] + beyond[j];
    if (sum < best) best = sum, chosen[k - 1] = j;
  }
  for (std::size_t t = k - 1; t > 0; --t) chosen[t - 1] = from[t][chosen[t]];

  const auto total = [&](const std::array<std::size_t, k>& at) {
    double sum = 0;
    for (std::size_t m = 0; m < count; ++m) {
      float smallest = outer_error[m * size + at[k - 1]];
      for (const std::size_t g : at) smallest = std::min(smallest, error[m * size + g]);
      sum += static_cast<double>(smallest);
    }
    return sum;
  };
  best = total(chosen);
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t t = 0; t < k; ++t) {
      for (const int move : {-1, 1}) {
        auto next = chosen;
        next[t] += static_cast<std::size_t>(move);
        if (next[t] >= size || (t > 0 && next[t] <= next[t - 1]) ||
            (t + 1 < k && next[t] >= next[t + 1])) {
          continue;
        }
        const double sum = total(next);
        if (sum < best) best = sum, chosen = next, moved = true;
      }
    }
  }
  voronoi_scales result{{}, best / static_cast<double>(samples * dim)};
  for (std::size_t t = 0; t < k; ++t) result.beta[t] = grid[chosen[t]];
  return result;
}

}  // namespace openquant::quantizer
