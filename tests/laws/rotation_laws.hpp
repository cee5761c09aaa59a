// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/concepts/rotation.hpp>
#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/core/random.hpp>

#include "worst.hpp"

/// What every rotation must do, as predicates; `check_rotation_laws`, at the end, runs them under
/// doctest.
namespace openquant::laws {

/// What a rotation says of itself.
struct rotation_claims {
  bool spreads = true;  // outliers and coherent rows; asked for from 64 coordinates on
};

inline constexpr double rotation_tolerance = 1e-5;

inline double product(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    sum += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  }
  return sum;
}
inline double norm(const std::vector<float>& a) { return std::sqrt(product(a, a)); }
inline double largest(const std::vector<float>& a) {
  double top = 0;
  for (const float value : a) top = test::worst(top, std::fabs(static_cast<double>(value)));
  return top;
}

/// n^-1 sum x^4 / (n^-1 sum x^2)^2: 1 where all |x_j| are equal, 3 for a Gaussian, n for e_j.
inline double kurtosis(const std::vector<float>& x) {
  double fourth = 0;
  for (const float value : x) fourth += std::pow(static_cast<double>(value), 4);
  return static_cast<double>(x.size()) * fourth / std::pow(product(x, x), 2);
}

inline std::vector<float> unit_vector(index_t n, index_t j) {
  std::vector<float> e(static_cast<std::size_t>(n));
  e[static_cast<std::size_t>(j)] = 1;
  return e;
}
inline std::vector<float> normal_vector(index_t n, std::uint64_t seed) {
  std::vector<float> x(static_cast<std::size_t>(n));
  for (std::size_t j = 0; j < x.size(); ++j) x[j] = random::normal(seed, j);
  return x;
}
/// N(0,1) with every 32nd coordinate 30 times as large.
inline std::vector<float> spiky_vector(index_t n) {
  std::vector<float> x = normal_vector(n, 3);
  for (std::size_t j = 0; j < x.size(); j += 32) x[j] *= 30;
  return x;
}

template <class Bound>
std::vector<float> rotated(const Bound& bound, std::vector<float> x) {
  bound.apply(x);
  return x;
}

/// Norms and inner products stay, to 1e-5 of the norms.
template <Rotation R>
bool preserves_products(const R& r, index_t n) {
  const auto bound = r.bind(n);
  const std::vector<std::vector<float>> vectors{unit_vector(n, 0), unit_vector(n, n - 1),
                                                normal_vector(n, 1), normal_vector(n, 2),
                                                spiky_vector(n)};
  for (const auto& a : vectors) {
    for (const auto& b : vectors) {
      const double change = product(rotated(bound, a), rotated(bound, b)) - product(a, b);
      if (!(std::fabs(change) <= rotation_tolerance * norm(a) * norm(b))) return false;
    }
  }
  return true;
}

/// R^T R x = x = R R^T x, to 1e-5 of the norm.
template <Rotation R>
bool inverse_inverts(const R& r, index_t n) {
  const auto bound = r.bind(n);
  for (const auto& x : {normal_vector(n, 1), spiky_vector(n), unit_vector(n, n / 2)}) {
    std::vector<float> there_and_back = x, back_and_there = x;
    bound.apply(there_and_back), bound.apply_inverse(there_and_back);
    bound.apply_inverse(back_and_there), bound.apply(back_and_there);
    for (std::size_t j = 0; j < x.size(); ++j) {
      there_and_back[j] -= x[j];
      back_and_there[j] -= x[j];
    }
    const double allowed = rotation_tolerance * norm(x);
    if (!(norm(there_and_back) <= allowed && norm(back_and_there) <= allowed)) return false;
  }
  return true;
}

/// R R^T = I to 1e-5 in every entry, with R built from the unit vectors. Cost: n^3.
template <Rotation R>
bool matrix_is_orthogonal(const R& r, index_t n) {
  const auto bound = r.bind(n);
  std::vector<std::vector<float>> rows(static_cast<std::size_t>(n), unit_vector(n, 0));
  for (std::size_t j = 0; j < rows.size(); ++j) {  // R e_j is column j
    const std::vector<float> column = rotated(bound, unit_vector(n, static_cast<index_t>(j)));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i][j] = column[i];
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < rows.size(); ++j) {
      const double expected = i == j ? 1 : 0;
      if (!(std::fabs(product(rows[i], rows[j]) - expected) <= rotation_tolerance)) return false;
    }
  }
  return true;
}

/// The same rotation, bound twice, gives the same bits, and so does a copy.
template <Rotation R>
bool is_deterministic(const R& r, index_t n) {
  const R copy = r;
  const std::vector<float> x = normal_vector(n, 1);
  const std::vector<float> once = rotated(r.bind(n), x);
  return once == rotated(r.bind(n), x) && once == rotated(copy.bind(n), x);
}

/// A rotation with a seed is another map under some of the next 16 seeds; one would do, were it not
/// for the length 1, which has two maps.
template <Rotation R>
bool seed_matters(R r, index_t n) {
  if constexpr (requires { ++r.seed; }) {
    const std::vector<float> x = normal_vector(n, 1), before = rotated(r.bind(n), x);
    for (int k = 0; k < 16; ++k) {
      ++r.seed;
      if (rotated(r.bind(n), x) != before) return true;
    }
    return false;
  } else {
    return true;
  }
}

/// An outlier is spread: of e_j no coordinate keeps more than half, and the kurtosis of a spiky row
/// falls. A coherent row, all ones, is not gathered: under random signs a coordinate of R x exceeds
/// t with a probability below 2 exp(-t^2 / 2) (Hoeffding), so one of n exceeds
/// t = sqrt(2 ln(2e4 n)) with a probability below 1e-4, while a transform whose signs come after
/// it, or not at all, gathers sqrt(block) in one coordinate.
/// Requires: n >= 64, so that t is less than sqrt(n)
template <Rotation R>
bool spreads_outliers(const R& r, index_t n) {
  const auto bound = r.bind(n);
  for (const index_t j : {index_t{0}, n / 2, n - 1}) {
    if (!(largest(rotated(bound, unit_vector(n, j))) <= 0.5)) return false;
  }
  const std::vector<float> spiky = spiky_vector(n);
  if (!(kurtosis(rotated(bound, spiky)) < kurtosis(spiky))) return false;
  const std::vector<float> ones(static_cast<std::size_t>(n), 1.0f);
  return largest(rotated(bound, ones)) <= std::sqrt(2 * std::log(2e4 * static_cast<double>(n)));
}

/// All laws of docs/concepts/rotation.md at length n; the n^3 one for n <= 96.
///
///   TEST_CASE("mine: laws") { laws::check_rotation_laws(mine{.seed = 1}, 256); }
template <Rotation R>
void check_rotation_laws(const R& r, index_t n, rotation_claims claims = {}) {
  CAPTURE(R::name());
  CAPTURE(n);
  CHECK(preserves_products(r, n));
  CHECK(inverse_inverts(r, n));
  if (n <= 96) CHECK(matrix_is_orthogonal(r, n));
  CHECK(is_deterministic(r, n));
  CHECK(seed_matters(r, n));
  CHECK(r.stored_bits(n) >= 0);
  if (claims.spreads && n >= 64) CHECK(spreads_outliers(r, n));
}

}  // namespace openquant::laws
