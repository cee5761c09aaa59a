// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <openquant/lattice/integer.hpp>
#include <openquant/metric/gaussian.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "laws/quantizer_laws.hpp"

namespace {

using namespace openquant;
using lattice::d;
using lattice::d_plus;
using lattice::e8;
using lattice::leech;
using quantizer::gaussian_fit;
using quantizer::voronoi;

static_assert(voronoi<e8, 14>::code_bits == 33 && voronoi<e8, 13>::code_bits == 32);
static_assert(voronoi<d_plus<12>, 14>::code_bits == 48);
static_assert(voronoi<leech, 14>::code_bits == 96);

TEST_CASE("voronoi: laws") {
  laws::check_quantizer_laws(voronoi<e8, 14>{});
  laws::check_quantizer_laws(voronoi<e8, 13>{.fit_by = gaussian_fit::none});
  laws::check_quantizer_laws(voronoi<e8, 4>{.fit_by = gaussian_fit::norm});
  laws::check_quantizer_laws(voronoi<d_plus<12>, 14>{.fit_by = gaussian_fit::mse});
  laws::check_quantizer_laws(voronoi<d<4>, 9>{});
  laws::check_quantizer_laws(voronoi<leech, 14>{.fit_by = gaussian_fit::norm});
}

TEST_CASE("voronoi: without a scale too, 0 is 0") {
  const voronoi<e8, 14> q{.fit_by = gaussian_fit::none};
  const vec<float, 8> zero{};
  const auto y = q.decode(q.encode(zero, vec<float, 1>{1}), vec<float, 1>{1});
  for (index_t i = 0; i < 8; ++i) CHECK(y[i] == 0);
}

TEST_CASE("voronoi: in one dimension, remainders of x over the step, at the best scale") {
  using Q = voronoi<lattice::integer<1>, 9>;  // -4 to 4 steps of 3.25 / 9, ..., 6.5 / 9
  const auto decoded = [](float x) {
    return Q{}.decode(Q{}.encode(vec<float, 1>{x}, vec<float, 1>{1}), vec<float, 1>{1})[0];
  };
  CHECK(decoded(2 * 3.25f / 9) == doctest::Approx(2 * 3.25 / 9));
  CHECK(decoded(4 * 5.0f / 9) == doctest::Approx(4 * 5.0 / 9));
  CHECK(decoded(-4 * 6.5f / 9) == doctest::Approx(-4 * 6.5 / 9));
  CHECK(decoded(2.7f) == doctest::Approx(4 * 6.5 / 9));  // 2.89 is nearer than 4 * 5 / 9 = 2.22
}

/// The error on N(0,1) with sigma = 1, apart from `expected` by at most four standard errors.
template <class Q>
void check_gaussian(double expected, index_t samples = index_t{1} << 20) {
  const Q q{.fit_by = gaussian_fit::none};
  const auto measured = metric::gaussian<batch<default_arch>>(q, samples, 21);
  CAPTURE(Q::name());
  CAPTURE(measured.mse);
  CAPTURE(measured.standard_error);
  CHECK(std::fabs(measured.mse - expected) <= 4 * measured.standard_error);
  CHECK(measured.standard_error <= 0.006 * expected);
}

TEST_CASE("voronoi: the docstring's errors") {
  check_gaussian<voronoi<e8, 14>>(.00572);
  check_gaussian<voronoi<e8, 13>>(.00664);
  check_gaussian<voronoi<d_plus<12>, 14>>(.00629);
  check_gaussian<voronoi<leech, 14>>(.00594, index_t{1} << 19);
}

/// Every code is somebody's point: a scale's points are q^n different ones.
TEST_CASE("voronoi: what is decoded is a lattice point times the step, within reach") {
  using Q = voronoi<e8, 14>;
  for (std::uint64_t i = 0; i < 500; ++i) {
    vec<float, 8> x;
    for (index_t k = 0; k < 8; ++k) x[k] = random::normal(8, i * 8 + static_cast<std::uint64_t>(k));
    const auto y = Q{}.decode(Q{}.encode(x, vec<float, 1>{1}), vec<float, 1>{1});
    bool on_a_lattice = false;
    for (int t = 0; t < 4; ++t) {
      vec<float, 8> v = y * (1 / Q::step(t));
      const vec<float, 8> off = v - e8::nearest(v);
      on_a_lattice = on_a_lattice || squared_norm(off) < 1e-8f;
    }
    CHECK(on_a_lattice);
    CHECK(squared_norm(y - x) < 0.25f);  // no overload that a larger scale would have spared
  }
}

TEST_CASE("voronoi: far points are drawn to the sphere, not to the other side") {
  const voronoi<e8, 14> q;
  for (const float far : {7.0f, 20.0f, 1e4f, 1e9f}) {
    for (std::uint64_t i = 0; i < 100; ++i) {
      vec<float, 8> x;
      for (index_t k = 0; k < 8; ++k) {
        x[k] = random::normal(9, i * 8 + static_cast<std::uint64_t>(k));
      }
      x = x * (far / std::sqrt(squared_norm(x)));
      const auto y = q.decode(q.encode(x, vec<float, 1>{1}), vec<float, 1>{1});
      float dot = 0;
      for (index_t k = 0; k < 8; ++k) dot += x[k] / far * y[k];
      CHECK(dot > 4.0f);  // the sphere's radius is 6.5 (0.707 - 0.5 / 14) = 4.36
    }
  }
}

TEST_CASE("voronoi: names, and sigma in fp16 or not at all") {
  CHECK(voronoi<e8, 14>::name() == "voronoi<e8,14>");
  CHECK(voronoi<e8, 14>{}.scale_bits() == 16);
  CHECK(voronoi<e8, 14>{}.pack({1.0f}) == 0x3c00);
  const voronoi<e8, 14> unscaled{.fit_by = gaussian_fit::none};
  CHECK(unscaled.scale_bits() == 0);
  CHECK(unscaled.unpack(unscaled.pack({1.0f}))[0] == 1.0f);
}

}  // namespace
