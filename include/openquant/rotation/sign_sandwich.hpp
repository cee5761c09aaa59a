// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <span>
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
    const float root = 1.0f / std::sqrt(static_cast<float>(block));
    for (std::size_t j = 0; j < before_.size(); ++j) {
      before_[j] = random::sign(seed, 2 * j);
      after_[j] = random::sign(seed, 2 * j + 1) * root;
    }
  }

  /// R = diag(after) (H, ..., H) diag(before), H of order `block` and not normalised.
  index_t block() const { return transform_.size(); }
  std::span<const float> before() const { return before_; }
  std::span<const float> after() const { return after_; }

  /// x <- R x for each row x of X: the rows of a matrix in one call are faster than one by one.
  template <class Arch = default_arch>
  void apply(const matrix_view<float>& x) const {
    OPENQUANT_EXPECTS(x.cols() == static_cast<index_t>(before_.size()));
    for (index_t b = 0, block = transform_.size(); b < x.cols(); b += block) {
      transform_.apply_between<Arch>(x.block(0, b, x.rows(), block), part(before_, b),
                                     part(after_, b));
    }
  }
  /// x <- R^T x for each row x of X.
  template <class Arch = default_arch>
  void apply_inverse(const matrix_view<float>& x) const {
    OPENQUANT_EXPECTS(x.cols() == static_cast<index_t>(before_.size()));
    for (index_t b = 0, block = transform_.size(); b < x.cols(); b += block) {
      transform_.apply_inverse_between<Arch>(x.block(0, b, x.rows(), block), part(after_, b),
                                             part(before_, b));
    }
  }
  /// The same for one row.
  template <class Arch = default_arch>
  void apply(std::span<float> x) const {
    apply<Arch>(matrix_view<float>(x.data(), 1, static_cast<index_t>(x.size())));
  }
  template <class Arch = default_arch>
  void apply_inverse(std::span<float> x) const {
    apply_inverse<Arch>(matrix_view<float>(x.data(), 1, static_cast<index_t>(x.size())));
  }

 private:
  std::span<const float> part(const aligned_vector<float>& signs, index_t b) const {
    return {signs.data() + b, static_cast<std::size_t>(transform_.size())};
  }

  linalg::hadamard_transform transform_;
  aligned_vector<float> before_, after_;  // signs; signs times block^-1/2
};

}  // namespace openquant::rotation
