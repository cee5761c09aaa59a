// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <utility>

#include <openquant/core/simd.hpp>
#include <openquant/quantizer/e8p_lanes.hpp>

#include "layer/lane_types.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using quantizer::e8p_codebook;
using quantizer::e8p_lanes;

/// Coordinates of code q of all lanes, times `factor`.
template <class T, index_t q>
vec<T, 8> point(const e8p_lanes<T>& codes, const vec<float, 16>& values) {
  return [&]<index_t... i>(std::integer_sequence<index_t, i...>) {
    return vec<T, 8>{codes.template coordinate<q, i>(values.x)...};
  }
  (std::make_integer_sequence<index_t, 8>{});
}

/// Wrong coordinates of code q, which is code + q * 16384 (mod 2^16) and differs from lane to lane.
template <class T, index_t q>
index_t wrong_points(const e8p_lanes<T>& codes, std::int32_t code, float factor) {
  const vec<T, 8> p = point<T, q>(codes, e8p_lanes<T>::values(factor));
  index_t wrong = 0;
  for (index_t i = 0; i < 8; ++i) {
    float lane[lane_count<T>];
    store(p[i], lane);
    for (index_t l = 0; l < lane_count<T>; ++l) {
      const std::int32_t own = (code + static_cast<std::int32_t>(q * 16384 + l)) & 65535;
      wrong += lane[l] != e8p_codebook::point<float>(own)[i] * factor;
    }
  }
  return wrong;
}

TEST_CASE_TEMPLATE("e8p_lanes: all 2^16 codes in all four places are the codebook's points", T,
                   lane_1, lane_baseline, lane_middle, lane_widest) {
  index_t wrong = 0;
  for (std::int32_t code = 0; code < 65536; code += static_cast<std::int32_t>(lane_count<T>)) {
    std::int32_t word[2][lane_count<T>];
    for (index_t l = 0; l < lane_count<T>; ++l) {
      for (index_t w = 0; w < 2; ++w) {
        const auto c = static_cast<std::uint32_t>(code + l + w * 32768);
        word[w][l] = static_cast<std::int32_t>((c & 65535u) | ((c + 16384u) & 65535u) << 16);
      }
    }
    const auto codes = e8p_lanes<T>::read(load_int<T>(word[0]), load_int<T>(word[1]));
    wrong += wrong_points<T, 0>(codes, code, 1) + wrong_points<T, 1>(codes, code, 1 / 3.65f);
    wrong += wrong_points<T, 2>(codes, code, 1 / 3.65f) + wrong_points<T, 3>(codes, code, 1);
  }
  CHECK(wrong == 0);
}

}  // namespace
