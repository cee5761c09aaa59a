// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <tuple>

#include <openquant/concepts/rotation.hpp>
#include <openquant/rotation/sign_sandwich.hpp>

namespace openquant::rotation {

/// Random signs, the Hadamard transform of the whole row, random signs.
///
/// Shapes:  any n = 2^k m with a known Hadamard matrix of order m <= 1024 (linalg/hadamard.hpp);
///          throws openquant::error with the nearest sizes otherwise
/// Bits:    64, the seed
/// Cost:    n (k + m / 4 + 6) additions a row, the terms of m for m > 1 alone
struct hadamard {
  std::uint64_t seed = 0;

  static std::string name() { return "hadamard"; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.seed);
  }
  index_t stored_bits(index_t) const { return 64; }
  sign_sandwich bind(index_t n) const { return {seed, n, n}; }
};

static_assert(Rotation<hadamard>);

}  // namespace openquant::rotation
