// SPDX-License-Identifier: Apache-2.0
#include <openquant/equalizer/identity.hpp>

#include "laws/equalizer_laws.hpp"

namespace {

using openquant::equalizer::identity;

TEST_CASE("identity: laws") { openquant::laws::check_equalizer_laws(identity{}); }

TEST_CASE("identity: no scales, whatever the diagonal") {
  for (const auto& diagonal : openquant::laws::test_diagonals()) {
    CHECK(identity{}.scales(diagonal).empty());
  }
  CHECK(identity::name() == "identity");
}

}  // namespace
