// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

#include <openquant/core/config.hpp>

/// Counter-based random numbers: number i of stream `seed` is a pure function of (seed, i). There
/// is no state, no order and no global seed, and every machine gives the same bits: the integers
/// are exact, and the reals are computed with correctly rounded operations alone (std::fma, /,
/// sqrt).
namespace openquant::random {

/// 64 random bits.
/// Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014
/// (SplitMix64's finaliser, variant 13 of Stafford), here in counter mode, keyed by the seed.
constexpr std::uint64_t bits(std::uint64_t seed, std::uint64_t i) {
  const auto mix = [](std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  };
  return mix(mix(seed + 0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u * (i + 1));
}

/// Uniform on (0, 1), symmetric about 1/2: an odd multiple of 2^-53.
constexpr double uniform(std::uint64_t seed, std::uint64_t i) {
  return static_cast<double>((bits(seed, i) >> 12) * 2 + 1) * 0x1p-53;
}

/// +1 or -1.
constexpr float sign(std::uint64_t seed, std::uint64_t i) {
  return bits(seed, i) >> 63 ? -1.0f : 1.0f;
}

/// Uniform on {0, ..., n - 1}; the bias is below n / 2^32.
constexpr std::uint32_t index(std::uint64_t seed, std::uint64_t i, std::uint32_t n) {
  return static_cast<std::uint32_t>(((bits(seed, i) >> 32) * n) >> 32);
}

/// Natural logarithm of a normal double in (0, 1), error below 1e-12; atanh series on [0.7, 1.42).
inline double log(double x) {
  const auto word = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(word >> 52) - 1023;
  double m = std::bit_cast<double>((word & 0x000fffffffffffffu) | 0x3ff0000000000000u);
  if (m > 1.4142135623730951) m *= 0.5, ++exponent;
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double series = 0;
  for (int k = 15; k >= 1; k -= 2) series = std::fma(series, s2, 1.0 / k);
  return std::fma(2 * s, series, exponent * 0.69314718055994531);
}

/// The number below which a fraction p of N(0,1) lies, relative error below 1e-6.
/// Source: Wichura, "Algorithm AS 241", Applied Statistics 37(3), 1988, pp. 477-484 (PPND7).
inline double normal_quantile(double p) {
  const auto ratio = [](double r, double a3, double a2, double a1, double a0, double b3, double b2,
                        double b1) {
    return std::fma(std::fma(std::fma(a3, r, a2), r, a1), r, a0) /
           std::fma(std::fma(std::fma(b3, r, b2), r, b1), r, 1.0);
  };
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    return q * ratio(std::fma(-q, q, 0.180625), 5.9109374720e+01, 1.5929113202e+02,
                     5.0434271938e+01, 3.3871327179e+00, 6.7187563600e+01, 7.8757757664e+01,
                     1.7895169469e+01);
  }
  const double r = std::sqrt(-log(q < 0 ? p : 1 - p));
  const double tail = r <= 5 ? ratio(r - 1.6, 1.7023821103e-01, 1.3067284816e+00, 2.7568153900e+00,
                                     1.4234372777e+00, 0, 1.2021132975e-01, 7.3700164250e-01)
                             : ratio(r - 5, 1.7337203997e-02, 4.2868294337e-01, 3.0812263860e+00,
                                     6.6579051150e+00, 0, 1.2258202635e-02, 2.4197894225e-01);
  return q < 0 ? -tail : tail;
}

/// One sample of N(0,1).
inline float normal(std::uint64_t seed, std::uint64_t i) {
  return static_cast<float>(normal_quantile(uniform(seed, i)));
}

}  // namespace openquant::random
