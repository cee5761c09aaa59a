// SPDX-License-Identifier: Apache-2.0
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>

#include "laws/rotation_laws.hpp"

namespace {

using namespace openquant;
using rotation::block_hadamard;
using rotation::hadamard;
using rotation::two_sided;

static_assert(TwoSidedRotation<two_sided<hadamard>>);
static_assert(TwoSidedRotation<two_sided<rotation::identity, hadamard>>);
static_assert(!TwoSidedRotation<hadamard>);

TEST_CASE("two_sided: laws of the input side") {
  laws::check_rotation_laws(two_sided<hadamard>{.input = {.seed = 7}}, 96);
  laws::check_rotation_laws(two_sided<block_hadamard<16>, hadamard>{.input = {.seed = 7}}, 48);
}

TEST_CASE("two_sided: each side has its own rotation") {
  const two_sided<hadamard, block_hadamard<4>> r{.input = {.seed = 3}, .output = {.seed = 4}};
  const std::vector<float> x = laws::normal_vector(12, 1);
  CHECK(laws::rotated(r.bind(12), x) == laws::rotated(hadamard{.seed = 3}.bind(12), x));
  CHECK(laws::rotated(r.bind_outputs(12), x) ==
        laws::rotated(block_hadamard<4>{.seed = 4}.bind(12), x));
  CHECK(r.stored_bits(12) == 64);
  CHECK(r.stored_output_bits(12) == 64);
  CHECK(r.name() == "two_sided<hadamard, block_hadamard<4>>");
}

}  // namespace
