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
      : transform_(block), n_(n), as_bits_(block >= 4096 && linalg::split_hadamard(block)->m == 1) {
    OPENQUANT_EXPECTS(n % block == 0);
    const auto size = static_cast<std::size_t>(n);
    for (std::size_t side = 0; side < 2; ++side) {
      if (as_bits_)
        bits_[side].resize(size / 8);
      else
        floats_[side].resize(size);
      const float scale = side == 0 ? 1.0f : root();
      for (std::size_t j = 0; j < size; ++j) {
        const float sign = random::sign(seed, 2 * j + side);
        if (!as_bits_)
          floats_[side][j] = sign * scale;
        else if (sign < 0)
          bits_[side][j / 8] = static_cast<std::uint8_t>(bits_[side][j / 8] | 1u << j % 8);
      }
    }
  }

  /// R = diag(after) (H, ..., H) diag(before), H of order `block` and not normalised.
  index_t block() const { return transform_.size(); }
  std::vector<float> before() const { return diagonal(0, 1); }
  std::vector<float> after() const { return diagonal(1, root()); }

  /// x <- R x for each row x of X: the rows of a matrix in one call are faster than one by one.
  template <class Arch = default_arch>
  void apply(const matrix_view<float>& x) const {
    OPENQUANT_EXPECTS(x.cols() == n_);
    for (index_t b = 0, block = transform_.size(); b < n_; b += block) {
      const auto rows = x.block(0, b, x.rows(), block);
      if (as_bits_)
        apply_bits<Arch>(rows, bits_[0].data() + b / 8, bits_[1].data() + b / 8);
      else
        transform_.apply_between<Arch>(rows, floats(0, b), floats(1, b));
    }
  }
  /// x <- R^T x for each row x of X.
  template <class Arch = default_arch>
  void apply_inverse(const matrix_view<float>& x) const {
    OPENQUANT_EXPECTS(x.cols() == n_);
    for (index_t b = 0, block = transform_.size(); b < n_; b += block) {
      const auto rows = x.block(0, b, x.rows(), block);
      if (as_bits_)  // H is symmetric
        apply_bits<Arch>(rows, bits_[1].data() + b / 8, bits_[0].data() + b / 8);
      else
        transform_.apply_inverse_between<Arch>(rows, floats(1, b), floats(0, b));
    }
  }
  /// x <- R x for as many vectors as lanes, side by side, coordinate j of lane l at x[j lanes + l]:
  /// for who does it once, and would rather compile less.
  template <Lane Lanes>
  void apply_columns(float* x) const {
    multiply_columns<Lanes>(x, 0, 1);
    for (index_t b = 0; b < n_; b += block()) {
      transform_.template apply_columns<Lanes>(x + b * lane_count<Lanes>);
    }
    multiply_columns<Lanes>(x, 1, root());
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
  float root() const { return 1.0f / std::sqrt(static_cast<float>(transform_.size())); }

  /// Coordinate j of the diagonal on a side, whose numbers have this magnitude.
  float entry(std::size_t side, index_t j, float magnitude) const {
    if (as_bits_) return change_sign_by_bit(magnitude, bits_[side].data(), j);
    return floats_[side][static_cast<std::size_t>(j)];
  }
  std::vector<float> diagonal(std::size_t side, float magnitude) const {
    std::vector<float> d;
    for (index_t j = 0; j < n_; ++j) d.push_back(entry(side, j, magnitude));
    return d;
  }
  template <Lane Lanes>
  void multiply_columns(float* x, std::size_t side, float magnitude) const {
    for (index_t j = 0; j < n_; ++j, x += lane_count<Lanes>) {
      store(load<Lanes>(x) * Lanes(entry(side, j, magnitude)), x);
    }
  }
  std::span<const float> floats(std::size_t side, index_t b) const {
    return {floats_[side].data() + b, static_cast<std::size_t>(transform_.size())};
  }

  template <class Arch>
  void apply_bits(const matrix_view<float>& x, const std::uint8_t* before,
                  const std::uint8_t* after) const {
    linalg::walsh_hadamard_long<batch<Arch>>(x, linalg::signs{before},
                                             linalg::scaled_signs{{after}, root()}, 0,
                                             linalg::fetch_rows_of(x));
  }

  linalg::hadamard_transform transform_;
  index_t n_;
  // Floats take the transform the fewest operations. Those of long rows do not stay in the nearest
  // cache beside the rows, and bits do.
  bool as_bits_;
  aligned_vector<float> floats_[2];    // the signs before; those after, times block^-1/2
  std::vector<std::uint8_t> bits_[2];  // set where the sign is -1
};

}  // namespace openquant::rotation
