// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>

#include <openquant/core/random.hpp>
#include <openquant/quantizer/e8p_codebook.hpp>

/// Points and importances for the tests of E8P's search and of what it finds.
namespace openquant::test {

/// Gaussian points of three sizes, points near codes, and both on quarters, where ties are.
inline vec<float, 8> e8p_sample(std::uint64_t i) {
  const vec<float, 8> start =
      quantizer::e8p_codebook::point<float>(static_cast<std::int32_t>(random::index(5, i, 65536)));
  vec<float, 8> u;
  for (index_t k = 0; k < 8; ++k) {
    const float z = random::normal(3, i * 8 + static_cast<std::uint64_t>(k));
    u[k] = i % 2 == 0 ? (0.5f + static_cast<float>(i % 3)) * z : start[k] + 0.6f * z;
    if (i % 5 == 0) u[k] = std::nearbyint(4 * u[k]) / 4;
    if (i % 35 == 0) u[k] = u[0];
  }
  return u;
}

inline vec<float, 8> e8p_importances(std::uint64_t i) {
  vec<float, 8> h;
  for (std::uint64_t k = 0; k < 8; ++k) {
    h[static_cast<index_t>(k)] = static_cast<float>(random::uniform(9, i * 8 + k));
  }
  return h;
}

/// Points `first` to `first` + lanes - 1 of one of the two.
template <class T, class Sample>
vec<T, 8> in_lanes(std::uint64_t first, const Sample& sample) {
  vec<T, 8> u;
  for (index_t k = 0; k < 8; ++k) {
    float x[lane_count<T>];
    for (index_t l = 0; l < lane_count<T>; ++l) {
      x[l] = sample(first + static_cast<std::uint64_t>(l))[k];
    }
    u[k] = load<T>(x);
  }
  return u;
}

inline double weighted_distance(const vec<float, 8>& h, const vec<float, 8>& a,
                                const vec<float, 8>& b) {
  double sum = 0;
  for (index_t k = 0; k < 8; ++k) {
    const double e = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    sum += static_cast<double>(h[k]) * e * e;
  }
  return sum;
}

}  // namespace openquant::test
