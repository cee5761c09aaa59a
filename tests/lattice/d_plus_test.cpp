// SPDX-License-Identifier: Apache-2.0
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>

#include "laws/lattice_laws.hpp"

namespace {

using namespace openquant;
using lattice::d_plus;

static_assert(Lattice<d_plus<2>> && Lattice<d_plus<24>>);

TEST_CASE("d_plus: laws and second moments") {
  laws::check_lattice_laws<d_plus<2>>(5.0 / 48, index_t{1} << 20);  // rectangles, sides 1 to 2
  laws::check_lattice_laws<d_plus<4>>(1.0 / 12, index_t{1} << 18);  // Z^4, turned
  laws::check_lattice_laws<d_plus<12>>(.07069);
}

TEST_CASE("d_plus: what its cosets hold") {
  const laws::sphere<d_plus<12>> ball;
  CHECK(ball.points(vec<float, 12>{}, 2).size() == 1 + 264);         // those of D_12
  CHECK(ball.points(vec<float, 12>{}, 3).size() == 1 + 264 + 2048);  // even signs of 1/2
}

TEST_CASE("d_plus: of two points at the same distance that of D_n") {
  vec<float, 12> x{};
  for (index_t i = 0; i < 12; ++i) x[i] = 0.25f;
  CHECK(laws::equal(d_plus<12>::nearest(x), vec<float, 12>{}));
  CHECK(d_plus<12>::name() == "d_plus<12>");
}

}  // namespace
