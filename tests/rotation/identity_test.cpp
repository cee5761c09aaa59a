// SPDX-License-Identifier: Apache-2.0
#include <openquant/rotation/identity.hpp>

#include "laws/rotation_laws.hpp"

namespace {

using namespace openquant;

TEST_CASE("identity: laws, save that it spreads nothing") {
  for (const index_t n : {1, 7, 64}) {
    laws::check_rotation_laws(rotation::identity{}, n, {.spreads = false});
  }
  CHECK(!laws::spreads_outliers(rotation::identity{}, 64));
}

TEST_CASE("identity: every row stays as it is and nothing is stored") {
  std::vector<float> x = laws::normal_vector(11, 1);
  const std::vector<float> before = x;
  rotation::identity{}.bind(11).apply(x);
  CHECK(x == before);
  rotation::identity{}.bind(11).apply_inverse(x);
  CHECK(x == before);
  CHECK(rotation::identity{}.stored_bits(4096) == 0);
  CHECK(rotation::identity::name() == "identity");
}

}  // namespace
