// SPDX-License-Identifier: Apache-2.0
#include <openquant/rotation/hadamard.hpp>

#include "laws/rotation_laws.hpp"

namespace {

using namespace openquant;

TEST_CASE("hadamard: laws at powers of two, Paley's, Williamson's and layers' sizes") {
  for (const index_t n : {1, 2, 4, 12, 20, 28, 40, 64, 96, 172, 256, 344, 768, 1408, 3072}) {
    laws::check_rotation_laws(rotation::hadamard{.seed = 7}, n);
  }
}

TEST_CASE("hadamard: every coordinate of a unit vector becomes +-1/sqrt(n)") {
  for (const index_t n : {4, 12, 172, 344}) {
    for (const float value : laws::rotated(rotation::hadamard{}.bind(n), laws::unit_vector(n, 1))) {
      CHECK(std::fabs(static_cast<double>(value)) ==
            doctest::Approx(1 / std::sqrt(static_cast<double>(n))).epsilon(1e-6));
    }
  }
}

TEST_CASE("hadamard: a length without a known matrix is refused with the nearest sizes") {
  CHECK_THROWS_WITH_AS(rotation::hadamard{}.bind(11),
                       "hadamard: no Hadamard matrix of order 11 is known here; the nearest "
                       "supported sizes are 8 and 12; block_hadamard<B> takes any multiple of B",
                       error);
  // 92 has a Hadamard matrix (Baumert, Golomb & Hall, 1962), but not by a construction we have.
  CHECK_THROWS_WITH_AS(rotation::hadamard{}.bind(92),
                       "hadamard: no Hadamard matrix of order 92 is known here; the nearest "
                       "supported sizes are 88 and 96; block_hadamard<B> takes any multiple of B",
                       error);
  CHECK_THROWS_AS(rotation::hadamard{}.bind(0), error);
  CHECK_THROWS_AS(rotation::hadamard{}.bind(-4), error);
}

TEST_CASE("hadamard: only the seed is stored") {
  CHECK(rotation::hadamard{}.stored_bits(4096) == 64);
  CHECK(rotation::hadamard::name() == "hadamard");
}

}  // namespace
