// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <tuple>

#include <openquant/concepts/rotation.hpp>
#include <openquant/rotation/sign_sandwich.hpp>

namespace openquant::rotation {

/// The sign sandwich on each block of B coordinates: for lengths without a known Hadamard matrix,
/// and for kernels that transform one block in registers.
///
/// Shapes:  n a multiple of B; throws openquant::error otherwise. B itself needs a known matrix.
/// Bits:    64, the seed
/// Cost:    n log2 B operations a row for B a power of two
template <index_t B>
struct block_hadamard {
  static_assert(linalg::split_hadamard(B).has_value(),
                "block_hadamard<B>: no Hadamard matrix of order B is known here");
  std::uint64_t seed = 0;

  static std::string name() { return "block_hadamard<" + std::to_string(B) + ">"; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.seed);
  }
  index_t stored_bits(index_t) const { return 64; }
  sign_sandwich bind(index_t n) const {
    if (n % B != 0) {
      fail(name(), ": length ", n, " is not a multiple of ", B, "; the nearest are ", n / B * B,
           " and ", (n / B + 1) * B);
    }
    return {seed, n, B};
  }
};

static_assert(Rotation<block_hadamard<128>>);

}  // namespace openquant::rotation
