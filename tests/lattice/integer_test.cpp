// SPDX-License-Identifier: Apache-2.0
#include <openquant/lattice/integer.hpp>

#include "laws/lattice_laws.hpp"

namespace {

using namespace openquant;
using lattice::integer;

static_assert(Lattice<integer<1>> && Lattice<integer<8>>);

TEST_CASE("integer: laws and second moment 1/12") {
  laws::check_lattice_laws<integer<1>>(1.0 / 12, index_t{1} << 20);
  laws::check_lattice_laws<integer<8>>(1.0 / 12, index_t{1} << 17);
}

TEST_CASE("integer: rounds each coordinate, ties to even") {
  const auto p = integer<3>::nearest(vec<float, 3>{0.5f, -1.5f, 2.6f});
  CHECK(p[0] == 0);
  CHECK(p[1] == -2);
  CHECK(p[2] == 3);
  CHECK(integer<3>::name() == "integer<3>");
}

}  // namespace
