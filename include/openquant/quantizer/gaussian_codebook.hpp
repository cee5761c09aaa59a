// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/config.hpp>

/// The scalar codebook of least squared error for N(0,1), computed by the compiler.
namespace openquant::quantizer {

namespace gaussian_codebook_math {

/// e^x to double precision, for constant expressions.
constexpr double exp(double x) {
  int halvings = 0;
  while (x > 0.125 || x < -0.125) x /= 2, ++halvings;
  double sum = 1, term = 1;
  for (int k = 1; k < 14; ++k) sum += term *= x / k;
  while (halvings-- > 0) sum *= sum;
  return sum;
}

/// Density of N(0,1).
constexpr double density(double x) { return 0.3989422804014327 * exp(-x * x / 2); }

/// Probability of (0, x): density(x) (x + x^3/3 + x^5/(3 5) + ...), all terms positive.
constexpr double probability(double x) {
  double sum = 0, term = x;
  for (int k = 3; term > sum * 1e-17; k += 2) sum += term, term *= x * x / k;
  return density(x) * sum;
}

}  // namespace gaussian_codebook_math

/// The upper half of 2 Half levels that are symmetric about 0, ascending; `threshold[k]` lies
/// between level k - 1 and level k, and threshold[0] = 0.
template <index_t Half>
struct half_codebook {
  double level[Half];
  double threshold[Half];
};

/// Lloyd's two conditions, each level the mean of its cell and each threshold half way between
/// levels, solved by some rounds of Lloyd's iteration and then Newton's on the tridiagonal system
/// c_k - m(b_k, b_{k+1}) = 0, m(a, b) = (density(a) - density(b)) / P(a, b).
///
/// Source:  Max, "Quantizing for minimum distortion", IRE Trans. Inf. Theory 6(1), 1960;
///          Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28(2), 1982
template <index_t Half>
constexpr half_codebook<Half> gaussian_codebook() {
  namespace math = gaussian_codebook_math;
  half_codebook<Half> book{};
  for (index_t k = 0; k < Half; ++k) {  // equally spaced to about the optimal outermost level
    book.level[k] = (static_cast<double>(k) + 0.5) * (1.6 + 0.1 * static_cast<double>(Half > 16)) *
                    (Half == 1 ? 1.0 : 2.0) / static_cast<double>(Half);
  }
  constexpr int lloyd_rounds = 30, newton_rounds = 12;
  for (int round = 0; round < lloyd_rounds + newton_rounds; ++round) {
    double residual[Half]{}, below[Half]{}, diagonal[Half]{}, above[Half]{};
    double a = 0, density_a = math::density(0), up_to_a = 0;
    for (index_t k = 0; k < Half; ++k) {
      const bool last = k + 1 == Half;
      const double b = last ? 0 : (book.level[k] + book.level[k + 1]) / 2;
      const double density_b = last ? 0 : math::density(b);
      const double up_to_b = last ? 0.5 : math::probability(b);
      const double p = up_to_b - up_to_a, mean = (density_a - density_b) / p;
      const double slope_a = k == 0 ? 0 : density_a * (mean - a) / p;
      const double slope_b = last ? 0 : density_b * (b - mean) / p;
      residual[k] = book.level[k] - mean;
      below[k] = -slope_a / 2;
      above[k] = -slope_b / 2;
      diagonal[k] = 1 - (slope_a + slope_b) / 2;
      a = b, density_a = density_b, up_to_a = up_to_b;
    }
    if (round < lloyd_rounds) {
      for (index_t k = 0; k < Half; ++k) book.level[k] -= residual[k];
      continue;
    }
    for (index_t k = 1; k < Half; ++k) {  // Thomas's elimination
      const double ratio = below[k] / diagonal[k - 1];
      diagonal[k] -= ratio * above[k - 1];
      residual[k] -= ratio * residual[k - 1];
    }
    double step = 0;
    for (index_t k = Half - 1; k >= 0; --k) {
      step = (residual[k] - above[k] * step) / diagonal[k];
      book.level[k] -= step;
    }
  }
  for (index_t k = 1; k < Half; ++k) book.threshold[k] = (book.level[k - 1] + book.level[k]) / 2;
  return book;
}

}  // namespace openquant::quantizer
