// SPDX-License-Identifier: Apache-2.0
#include <openquant/lattice/e8.hpp>

#include "laws/lattice_laws.hpp"

namespace {

using namespace openquant;
using lattice::e8;

static_assert(Lattice<e8> && e8::dim == 8 && e8::volume == 1);

TEST_CASE("e8: laws and second moment 929/12960") {
  CHECK(929.0 / 12960 == doctest::Approx(.071682).epsilon(1e-5));
  CHECK(10 * std::log10((1.0 / 12) / (929.0 / 12960)) == doctest::Approx(.65).epsilon(1e-2));
  laws::check_lattice_laws<e8>(929.0 / 12960, index_t{1} << 17);
}

TEST_CASE("e8: 240 vectors of squared length 2, 2160 of 4, and nothing else up to 4") {
  const laws::sphere<e8> ball;
  CHECK(ball.points(vec<float, 8>{}, 1.99).size() == 1);
  CHECK(ball.points(vec<float, 8>{}, 2).size() == 1 + 240);
  CHECK(ball.points(vec<float, 8>{}, 4).size() == 1 + 240 + 2160);
}

TEST_CASE("e8: a minimal vector away nothing is nearer") {
  const auto minimal = laws::sphere<e8>().points(vec<float, 8>{}, 2);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const vec<float, 8> x = laws::lattice_sample<e8>(i), p = e8::nearest(x);
    double least = 10;
    for (const auto& v : minimal) least = std::min(least, laws::squared_distance(x, p + v));
    CHECK(laws::squared_distance(x, p) <= least + 1e-5);
  }
}

TEST_CASE("e8: the deep hole (1, 0, ..., 0) is at the covering radius 1") {
  const vec<float, 8> hole{1};
  CHECK(laws::squared_distance(hole, e8::nearest(hole)) == 1);
  CHECK(laws::sphere<e8>().points(hole, 1).size() == 16);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const vec<float, 8> x = laws::lattice_sample<e8>(i);
    CHECK(laws::squared_distance(x, e8::nearest(x)) <= 1 + 1e-5);
  }
}

/// The docstring's definition, by all 240 vectors.
double gauge(const vec<float, 8>& x) {
  static const auto ball = laws::sphere<e8>().points(vec<float, 8>{}, 2);
  double most = 0;
  for (const auto& v : ball) {
    double product = 0;
    for (index_t k = 0; k < 8; ++k)
      product += static_cast<double>(x[k]) * static_cast<double>(v[k]);
    most = std::max(most, product);
  }
  return most;
}

template <class T>
void check_gauge() {
  constexpr index_t lanes = lane_count<T>;
  for (std::uint64_t i = 0; i < 960; i += lanes) {
    vec<float, 8> x[lanes];
    vec<T, 8> together;
    for (index_t k = 0; k < 8; ++k) {
      float lane[lanes];
      for (index_t l = 0; l < lanes; ++l) {
        const std::uint64_t at = i + static_cast<std::uint64_t>(l);
        x[l][k] = random::normal(6, at * 8 + static_cast<std::uint64_t>(k));
        if (at % 3 == 0) x[l][k] = std::nearbyint(2 * x[l][k]) / 2;  // where ties are
        lane[l] = x[l][k];
      }
      together[k] = load<T>(lane);
    }
    float found[lanes];
    store(e8::gauge(together), found);
    for (index_t l = 0; l < lanes; ++l) {
      CHECK(static_cast<double>(found[l]) == doctest::Approx(gauge(x[l])).epsilon(1e-6));
      const vec<float, 8> p = e8::nearest(x[l]);  // in the cell about p, and in none about others
      CHECK(e8::gauge(x[l] - p) <= 1 + 1e-5f);
    }
  }
}

TEST_CASE_TEMPLATE("e8: the gauge of its cell", T, float, batch<baseline_arch>,
                   batch<default_arch>) {
  check_gauge<T>();
}

TEST_CASE("e8: halves") {
  CHECK(laws::equal(e8::nearest(vec<float, 8>{.4f, .5f, .6f, .4f, .5f, .6f, -.4f, -.5f}),
                    {.5f, .5f, .5f, .5f, .5f, .5f, -.5f, -.5f}));
  CHECK(e8::name() == "e8");
}

}  // namespace
