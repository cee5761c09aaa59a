// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include <openquant/concepts/lattice.hpp>
#include <openquant/core/error.hpp>
#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>

#include "layer/lane_types.hpp"

/// What every lattice must do. A law is a function that throws openquant::error with the first
/// counterexample; `check_lattice_laws`, at the end, runs all of them under doctest.
namespace openquant::laws {

template <index_t n>
std::string lattice_text(const vec<float, n>& a) {
  std::string s = "(";
  for (index_t k = 0; k < n; ++k) s += (k > 0 ? ", " : "") + to_text(a[k]);
  return s + ")";
}
template <index_t n>
bool equal(const vec<float, n>& a, const vec<float, n>& b) {
  return std::equal(a.x, a.x + n, b.x);
}
template <index_t n>
double squared_distance(const vec<float, n>& a, const vec<float, n>& b) {
  double sum = 0;
  for (index_t k = 0; k < n; ++k) {
    const double difference = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    sum += difference * difference;
  }
  return sum;
}

/// The basis of a lattice, orthogonalised in double: the oracle, which knows no nearest-point rule.
template <Lattice L>
class sphere {
 public:
  static constexpr index_t n = L::dim;

  sphere() {
    const auto g = L::generator();
    for (index_t i = 0; i < n; ++i) {
      for (index_t k = 0; k < n; ++k)
        orthogonal_[i][k] = basis_[i][k] = static_cast<double>(g[i][k]);
      for (index_t j = 0; j < i; ++j) {
        double dot = 0;
        for (index_t k = 0; k < n; ++k) dot += basis_[i][k] * orthogonal_[j][k];
        mu_[i][j] = dot / norm_[j];
        for (index_t k = 0; k < n; ++k) orthogonal_[i][k] -= mu_[i][j] * orthogonal_[j][k];
      }
      norm_[i] = 0;
      for (index_t k = 0; k < n; ++k) norm_[i] += orthogonal_[i][k] * orthogonal_[i][k];
    }
  }

  /// |det generator|
  double volume() const {
    double product = 1;
    for (const double norm : norm_) product *= norm;
    return std::sqrt(product);
  }

  /// All lattice points within sqrt(radius2) of x (Fincke & Pohst, Math. Comp. 44, 1985).
  std::vector<vec<float, n>> points(const vec<float, n>& x, double radius2) const {
    double u[n];  // x = sum_i u_i orthogonal_i
    for (index_t i = 0; i < n; ++i) {
      u[i] = 0;
      for (index_t k = 0; k < n; ++k) u[i] += static_cast<double>(x[k]) * orthogonal_[i][k];
      u[i] /= norm_[i];
    }
    std::vector<vec<float, n>> found;
    double c[n]{};
    descend(n - 1, radius2, u, c, found);
    return found;
  }

 private:
  void descend(index_t i, double budget, const double (&u)[n], double (&c)[n],
               std::vector<vec<float, n>>& found) const {
    if (i < 0) {
      vec<float, n> p;
      for (index_t k = 0; k < n; ++k) {
        double sum = 0;
        for (index_t j = 0; j < n; ++j) sum += c[j] * basis_[j][k];
        p[k] = static_cast<float>(sum);
      }
      found.push_back(p);
      return;
    }
    double centre = u[i];
    for (index_t j = i + 1; j < n; ++j) centre -= c[j] * mu_[j][i];
    const double reach = std::sqrt(budget / norm_[i]);
    for (c[i] = std::ceil(centre - reach); c[i] <= centre + reach; ++c[i]) {
      const double left = budget - (c[i] - centre) * (c[i] - centre) * norm_[i];
      if (left >= 0) descend(i - 1, left, u, c, found);
    }
  }

  double basis_[n][n]{}, orthogonal_[n][n]{}, mu_[n][n]{}, norm_[n]{};
};

/// Points to try: half of them Gaussian, the others on quarters, where ties are.
template <Lattice L>
vec<float, L::dim> lattice_sample(std::uint64_t i) {
  vec<float, L::dim> x;
  for (index_t k = 0; k < L::dim; ++k) {
    const auto j = i * static_cast<std::uint64_t>(L::dim) + static_cast<std::uint64_t>(k);
    x[k] = i % 2 == 0 ? 2 * random::normal(11, j)
                      : 0.25f * static_cast<float>(static_cast<int>(random::index(12, j, 33)) - 16);
  }
  return x;
}

/// The generator spans the cell it says, `point` multiplies by it, `coordinates` inverts that, and
/// a lattice point is its own nearest.
template <Lattice L>
void coordinates_name_points() {
  constexpr index_t n = L::dim;
  const double volume = sphere<L>().volume();
  if (std::fabs(volume - L::volume) > 1e-6 * volume) {
    fail(L::name(), ": volume ", L::volume, ", but |det generator| is ", volume);
  }
  constexpr auto g = L::generator();
  for (std::uint64_t i = 0; i < 300; ++i) {
    vec<float, n> c{}, p{};
    for (index_t k = 0; k < n; ++k) {
      const auto j = i * static_cast<std::uint64_t>(n) + static_cast<std::uint64_t>(k);
      if (i < static_cast<std::uint64_t>(n)) {
        c[k] = static_cast<std::uint64_t>(k) == i;
      } else {
        c[k] = static_cast<float>(static_cast<int>(random::index(13, j, 17)) - 8);
      }
      p = p + g[k] * c[k];
    }
    if (!equal(L::point(c), p)) {
      fail(L::name(), ": ", lattice_text(c), " names ", lattice_text(p), ", not ",
           lattice_text(L::point(c)));
    }
    if (!equal(L::coordinates(p), c)) {
      fail(L::name(), ": ", lattice_text(p), " has coordinates ", lattice_text(L::coordinates(p)),
           ", not ", lattice_text(c));
    }
    if (!equal(L::nearest(p), p)) {
      fail(L::name(), ": the lattice point ", lattice_text(p), " is taken to ",
           lattice_text(L::nearest(p)));
    }
  }
}

/// What `nearest` finds is a lattice point, and the sphere through it has none inside: every one
/// that could lie there is listed. Where it is the only nearest one, it moves with x by any
/// lattice vector.
template <Lattice L>
void no_point_is_nearer(std::uint64_t samples = 200) {
  constexpr index_t n = L::dim;
  constexpr double slack = 1e-5;  // of squared distances below 10, computed from floats
  const sphere<L> oracle;
  const auto g = L::generator();
  for (std::uint64_t i = 0; i < samples; ++i) {
    const vec<float, n> x = lattice_sample<L>(i), p = L::nearest(x), c = L::coordinates(p);
    for (index_t k = 0; k < n; ++k) {
      if (c[k] != std::nearbyint(c[k])) {
        fail(L::name(), ": ", lattice_text(x), " goes to ", lattice_text(p), ", no lattice point");
      }
    }
    if (!equal(L::point(c), p)) fail(L::name(), ": ", lattice_text(p), " is not what it is named");
    const double distance = squared_distance(x, p);
    index_t as_near = 0;
    for (const auto& other : oracle.points(x, distance + slack)) {
      as_near += 1;
      if (squared_distance(x, other) < distance - slack) {
        fail(L::name(), ": ", lattice_text(x), " goes to ", lattice_text(p), " at ", distance,
             ", but ", lattice_text(other), " is at ", squared_distance(x, other));
      }
    }
    if (as_near == 0) fail(L::name(), ": the oracle does not know ", lattice_text(p));
    if (as_near > 1) continue;
    for (index_t k = 0; k < n; ++k) {
      const vec<float, n> moved = L::nearest(x + g[k] * 3.0f);
      if (!(squared_distance(moved, p + g[k] * 3.0f) <= slack)) {
        fail(L::name(), ": ", lattice_text(x), " goes to ", lattice_text(p),
             ", moved by three times row ", k, " to ", lattice_text(moved));
      }
    }
  }
}

/// In lane type T every point has the nearest point, coordinates and name it has alone, ties too.
template <class T, Lattice L>
void lattice_lanes_agree_with_scalars() {
  constexpr index_t n = L::dim, lanes = lane_count<T>;
  for (std::uint64_t i = 0; i < 512; i += static_cast<std::uint64_t>(lanes)) {
    float x[n][lanes], p[n][lanes], c[n][lanes], q[n][lanes];
    vec<T, n> wide;
    for (index_t k = 0; k < n; ++k) {
      for (index_t l = 0; l < lanes; ++l) {
        x[k][l] = lattice_sample<L>(i + static_cast<std::uint64_t>(l))[k];
      }
      wide[k] = load<T>(x[k]);
    }
    const vec<T, n> nearest = L::nearest(wide), name = L::coordinates(nearest);
    const vec<T, n> again = L::point(name);
    for (index_t k = 0; k < n; ++k) {
      store(nearest[k], p[k]), store(name[k], c[k]), store(again[k], q[k]);
    }
    for (index_t l = 0; l < lanes; ++l) {
      const vec<float, n> alone = lattice_sample<L>(i + static_cast<std::uint64_t>(l));
      const vec<float, n> near = L::nearest(alone), named = L::coordinates(near);
      for (index_t k = 0; k < n; ++k) {
        if (p[k][l] != near[k] || c[k][l] != named[k] || q[k][l] != L::point(named)[k]) {
          fail(L::name(), ": ", lattice_text(alone), " goes to ", lattice_text(near), ", among ",
               lanes, " lanes coordinate ", k, " is ", p[k][l]);
        }
      }
    }
  }
}

/// Mean squared distance to the lattice a dimension over volume^(2/n), of points uniform in a
/// cell, with its standard error.
struct second_moment {
  double mean, standard_error;
};
template <class T, Lattice L>
second_moment measure_second_moment(index_t samples, std::uint64_t seed) {
  constexpr index_t n = L::dim, lanes = lane_count<T>;
  const auto g = L::generator();
  double sum = 0, squares = 0;
  std::uint64_t drawn = 0;
  for (index_t i = 0; i < samples; i += lanes) {
    float x[n][lanes]{}, distance[lanes];
    for (index_t l = 0; l < lanes; ++l) {
      for (index_t row = 0; row < n; ++row) {
        const auto u = static_cast<float>(random::uniform(seed, drawn++));
        for (index_t k = 0; k < n; ++k) x[k][l] += u * g[row][k];
      }
    }
    vec<T, n> wide;
    for (index_t k = 0; k < n; ++k) wide[k] = load<T>(x[k]);
    store(squared_norm(wide - L::nearest(wide)), distance);
    for (const float value : distance) {
      sum += static_cast<double>(value);
      squares += static_cast<double>(value) * static_cast<double>(value);
    }
  }
  const auto count = static_cast<double>(samples);
  const double mean = sum / count, variance = squares / count - mean * mean;
  const double unit = static_cast<double>(n) * std::pow(L::volume, 2.0 / static_cast<double>(n));
  return {mean / unit, std::sqrt(variance / count) / unit};
}

/// All laws of docs/concepts/lattice.md.
///
///   TEST_CASE("mine: laws") { laws::check_lattice_laws<mine>(.0785433); }
///
/// second_moment: the published one, normalized, a dimension. It must lie within four standard
/// errors of a sample whose standard error is at most 1e-4.
template <Lattice L>
void check_lattice_laws(double second_moment, index_t samples = index_t{1} << 16) {
  CHECK_NOTHROW(coordinates_name_points<L>());
  CHECK_NOTHROW(no_point_is_nearer<L>());
  CHECK_NOTHROW((lattice_lanes_agree_with_scalars<batch<baseline_arch>, L>()));
  CHECK_NOTHROW((lattice_lanes_agree_with_scalars<test::lane_middle, L>()));
  CHECK_NOTHROW((lattice_lanes_agree_with_scalars<batch<default_arch>, L>()));
  const auto measured = measure_second_moment<batch<default_arch>, L>(samples, 14);
  CAPTURE(measured.mean);
  CAPTURE(measured.standard_error);
  CHECK(measured.standard_error <= 1e-4);
  CHECK(std::fabs(measured.mean - second_moment) <= 4 * measured.standard_error);
}

}  // namespace openquant::laws
