// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <set>

#include <openquant/core/simd.hpp>
#include <openquant/quantizer/e8p_search.hpp>

#include "quantizer/e8p_sample.hpp"

namespace {

using namespace openquant;
using quantizer::e8p_choice;
using quantizer::e8p_codebook;
using quantizer::e8p_search;
using test::e8p_importances;
using test::e8p_sample;

/// Of ties too: the code, the point and the loss are of one point.
int contradictions(const e8p_choice<float>& choice, const vec<float, 8>& u,
                   const vec<float, 8>& h) {
  const vec<float, 8> ones{1, 1, 1, 1, 1, 1, 1, 1};
  const vec<float, 8> p = e8p_codebook::point<float>(choice.code());
  const double loss = test::weighted_distance(h, u, p);
  return (test::weighted_distance(ones, p, choice.point()) != 0) +
         (std::fabs(static_cast<double>(choice.loss(h)) - loss) > 1e-5 * (1 + loss));
}

TEST_CASE("e8p_choice: code, point and loss are of one point, whatever its pattern") {
  std::set<std::int32_t> patterns;
  int wrong = 0;
  for (std::uint64_t i = 0; i < 60000; ++i) {
    const vec<float, 8> u = e8p_sample(i), h = e8p_importances(i);
    const e8p_search<float> found(u);
    wrong += contradictions(found.nearest, u, h) + contradictions(found.runner_up, u, h);
    patterns.insert(found.nearest.code() >> 8);
  }
  CHECK(wrong == 0);
  CHECK(patterns.size() == 256);
}

template <class T>
void check_lanes() {
  constexpr std::uint64_t lanes = lane_count<T>;
  int wrong = 0;
  for (std::uint64_t i = 0; i < 16384; i += lanes) {
    const e8p_search<T> found(test::in_lanes<T>(i, e8p_sample));
    const vec<T, 8> h = test::in_lanes<T>(i, e8p_importances);
    std::int32_t code[lanes], second[lanes];
    float loss[lanes], last[lanes];
    store(found.nearest.code(), code);
    store(found.runner_up.code(), second);
    store(found.nearest.loss(h), loss);
    store(found.nearest.point()[7], last);
    for (std::uint64_t l = 0; l < lanes; ++l) {
      const e8p_search<float> alone(e8p_sample(i + l));
      wrong += code[l] != alone.nearest.code() || second[l] != alone.runner_up.code() ||
               loss[l] != alone.nearest.loss(e8p_importances(i + l)) ||
               last[l] != alone.nearest.point()[7];
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("e8p_choice: every lane has the code, the point and the loss it has alone") {
  check_lanes<batch<baseline_arch>>();
#if defined(__AVX2__)
  check_lanes<batch<xsimd::avx2>>();
#endif
  check_lanes<batch<default_arch>>();
}

}  // namespace
