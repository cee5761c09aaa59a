// SPDX-License-Identifier: Apache-2.0
#include <openquant/lattice/d.hpp>

#include "laws/lattice_laws.hpp"

namespace {

using namespace openquant;
using lattice::d;

static_assert(Lattice<d<2>> && Lattice<d<24>>);

/// Conway & Sloane's closed form.
double second_moment(double n) {
  return std::pow(2.0, -2 / n) * (1.0 / 12 + 1 / (2 * n * (n + 1)));
}

TEST_CASE("d: laws and second moments") {
  CHECK(second_moment(4) == doctest::Approx(.076603).epsilon(1e-5));
  CHECK(second_moment(12) == doctest::Approx(.077097).epsilon(1e-5));
  laws::check_lattice_laws<d<2>>(second_moment(2), index_t{1} << 19);
  laws::check_lattice_laws<d<3>>(second_moment(3), index_t{1} << 18);
  laws::check_lattice_laws<d<4>>(second_moment(4), index_t{1} << 17);
  laws::check_lattice_laws<d<12>>(second_moment(12));
}

TEST_CASE("d: 2 n (n - 1) vectors of squared length 2 and none shorter") {
  const auto count = []<index_t n>(d<n>) {
    return laws::sphere<d<n>>().points(vec<float, n>{}, 2).size();
  };
  CHECK(count(d<4>{}) == 1 + 24);
  CHECK(count(d<8>{}) == 1 + 112);
  CHECK(count(d<12>{}) == 1 + 264);
  CHECK(laws::sphere<d<4>>().points(vec<float, 4>{}, 1.99).size() == 1);
}

TEST_CASE("d: the worst coordinate repairs the parity, the first of equals") {
  const auto p = d<4>::nearest(vec<float, 4>{0.9f, 0.1f, 1.3f, 0.8f});  // rounds to 1 0 1 1
  CHECK(laws::equal(p, {1, 0, 2, 1}));
  CHECK(laws::equal(d<4>::nearest(vec<float, 4>{1, 0, 0, 0}), {2, 0, 0, 0}));
  CHECK(laws::equal(d<4>::nearest(vec<float, 4>{0.5f, 0.5f, 0.5f, 0.5f}), {0, 0, 0, 0}));
}

TEST_CASE("d: the deep holes of D_8 lie at the distance sqrt(2), D_4's at 1") {
  const auto depth = [](const auto& p, const auto& x) { return laws::squared_distance(x, p); };
  const vec<float, 8> h{0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f}, e{1};
  CHECK(depth(d<8>::nearest(h), h) == 2);
  CHECK(depth(d<8>::nearest(e), e) == 1);
  const vec<float, 4> x{1};
  CHECK(depth(d<4>::nearest(x), x) == 1);
}

TEST_CASE("d: parity holds up to 2^22 / n") {
  const float far = 524287.0f;  // 2^22 / 8 - 1
  vec<float, 8> x{far, far, far, far, far, far, far, far - 1};
  CHECK(laws::equal(d<8>::nearest(x), {far + 1, far, far, far, far, far, far, far - 1}));
}

}  // namespace
