// SPDX-License-Identifier: Apache-2.0
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/hadamard.hpp>

#include "laws/rotation_laws.hpp"

namespace {

using namespace openquant;
using rotation::block_hadamard;

TEST_CASE("block_hadamard: laws") {
  laws::check_rotation_laws(block_hadamard<1>{.seed = 7}, 5, {.spreads = false});
  laws::check_rotation_laws(block_hadamard<12>{.seed = 7}, 36);
  laws::check_rotation_laws(block_hadamard<64>{.seed = 7}, 64);
  laws::check_rotation_laws(block_hadamard<64>{.seed = 7}, 704);  // no Hadamard matrix of order 11
  laws::check_rotation_laws(block_hadamard<128>{.seed = 7}, 1408);
  laws::check_rotation_laws(block_hadamard<172>{.seed = 7}, 344);
}

TEST_CASE("block_hadamard: one block is the full transform") {
  const std::vector<float> x = laws::normal_vector(64, 1);
  CHECK(laws::rotated(block_hadamard<64>{.seed = 3}.bind(64), x) ==
        laws::rotated(rotation::hadamard{.seed = 3}.bind(64), x));
}

TEST_CASE("block_hadamard: an outlier stays in its block") {
  const std::vector<float> x =
      laws::rotated(block_hadamard<16>{.seed = 3}.bind(48), laws::unit_vector(48, 20));
  for (std::size_t j = 0; j < x.size(); ++j) {
    CHECK(std::fabs(x[j]) == (j / 16 == 1 ? 0.25f : 0.0f));
  }
}

TEST_CASE("block_hadamard: a length that is no multiple is refused with the nearest two") {
  CHECK_THROWS_WITH_AS(
      block_hadamard<128>{}.bind(1000),
      "block_hadamard<128>: length 1000 is not a multiple of 128; the nearest are 896 and 1024",
      error);
}

TEST_CASE("block_hadamard: only the seed is stored") {
  CHECK(block_hadamard<128>{}.stored_bits(11008) == 64);
  CHECK(block_hadamard<128>::name() == "block_hadamard<128>");
}

}  // namespace
