// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/simd.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/voronoi.hpp>
#include <openquant/quantizer/voronoi_scales.hpp>

namespace {

using namespace openquant;
using lattice::d_plus;
using lattice::e8;
using quantizer::choose_voronoi_scales;
using quantizer::voronoi_shape_of;
using lanes = batch<default_arch>;

TEST_CASE("voronoi_scales: as good as the best of all choices from a small grid") {
  const std::vector<float> grid{2.75f, 3.25f, 3.75f, 4.5f, 5.5f, 6.5f, 8.0f};
  constexpr index_t samples = 2048;
  const auto found = choose_voronoi_scales<lanes, e8, 14>(grid, 0.7f, samples, 3);
  double best = 1;
  int tried = 0;
  for (unsigned subset = 0; subset < 128; ++subset) {
    std::vector<float> four;
    for (unsigned g = 0; g < 7; ++g) {
      if (subset >> g & 1) four.push_back(grid[g]);
    }
    if (four.size() != 4) continue;
    ++tried;
    best = std::min(best, choose_voronoi_scales<lanes, e8, 14>(four, 0.7f, samples, 3).mse);
  }
  CHECK(tried == 35);
  CHECK(found.mse == doctest::Approx(best).epsilon(1e-12));
}

/// The constants are within 2 % of what the programme finds on another sample.
template <class L, int q>
void check_constants(index_t samples = 8192) {
  std::vector<float> quarters;
  for (int k = 10; k <= 44; ++k) quarters.push_back(0.25f * static_cast<float>(k));
  const auto& [beta, radius] = voronoi_shape_of<L>;
  const auto found = choose_voronoi_scales<lanes, L, q>(quarters, radius, samples, 5);
  const auto chosen = choose_voronoi_scales<lanes, L, q>(
      std::vector<float>(beta.begin(), beta.end()), radius, samples, 5);
  CAPTURE(L::name());
  CHECK(found.mse <= chosen.mse);
  CHECK(chosen.mse <= 1.02 * found.mse);
  for (std::size_t t = 0; t < 4; ++t) CHECK(chosen.beta[t] == beta[t]);
}

TEST_CASE("voronoi_scales: the scales of the quantizers are the programme's") {
  check_constants<e8, 14>();
  check_constants<e8, 7>();
  check_constants<d_plus<12>, 14>();
  check_constants<d_plus<4>, 14>();
  check_constants<lattice::leech, 14>(2048);
}

TEST_CASE("voronoi_scales: lanes and scalars choose alike") {
  const std::vector<float> grid{3, 3.5f, 4, 5, 6, 7.5f};
  const auto a = choose_voronoi_scales<lanes, e8, 7>(grid, 0.7f, 512, 6);
  const auto b = choose_voronoi_scales<float, e8, 7>(grid, 0.7f, 512, 6);
  CHECK(a.beta == b.beta);
  CHECK(a.mse == b.mse);
}

}  // namespace
