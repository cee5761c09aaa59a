// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/linalg/hadamard.hpp>

namespace openquant::rotation {

/// R = D2 diag(H, ..., H) D1: random signs, an orthonormal Hadamard transform of each block, random
/// signs. The signs stand BEFORE the transform too: after it alone they would leave every outlier
/// of a coherent row in place, and flipping them would change nothing that a quantizer sees.
///
/// Shapes:  rows of n floats, n a multiple of block, block = 2^k m (linalg/hadamard.hpp)
/// Source:  Ailon & Chazelle, STOC 2006; Tseng et al., "QuIP#", ICML 2024, Sec. 3
class sign_sandwich {
 public:
  sign_sandwich(std::uint64_t seed, index_t n, index_t block)
      : transform_(block), before_(static_cast<std::size_t>(n)), after_(before_.size()) {
    OPENQUANT_EXPECTS(n % block == 0);
    for (std::size_t j = 0; j < before_.size(); ++j) {
      before_[j] = random::sign(seed, 2 * j);
      after_[j] = random::sign(seed, 2 * j + 1);
    }
  }

  void apply(std::span<float> x) const {
    flip(before_, x);
    for_each_block(x, [&](std::span<float> block) { transform_.apply(block); });
    flip(after_, x);
  }
  void apply_inverse(std::span<float> x) const {
    flip(after_, x);
    for_each_block(x, [&](std::span<float> block) { transform_.apply_inverse(block); });
    flip(before_, x);
  }

 private:
  static void flip(const std::vector<float>& sign, std::span<float> x) {
    OPENQUANT_EXPECTS(sign.size() == x.size());
    for (std::size_t j = 0; j < x.size(); ++j) x[j] *= sign[j];
  }
  template <class F>
  void for_each_block(std::span<float> x, const F& f) const {
    const auto block = static_cast<std::size_t>(transform_.size());
    for (std::size_t b = 0; b < x.size(); b += block) f(x.subspan(b, block));
  }

  linalg::hadamard_transform transform_;
  std::vector<float> before_, after_;
};

}  // namespace openquant::rotation
