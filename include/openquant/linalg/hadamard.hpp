// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <string>

#include <openquant/linalg/gemm.hpp>
#include <openquant/linalg/hadamard_matrix.hpp>

namespace openquant::linalg {

/// n = m 2^k, with H_m from `hadamard_matrix` and H_{2^k} Sylvester's.
struct hadamard_size {
  index_t m = 1, power = 1;  // power = 2^k
};

/// The split of n with the smallest m, at most 1024, or nothing where none is known.
constexpr std::optional<hadamard_size> split_hadamard(index_t n) {
  if (n < 1) return std::nullopt;
  index_t power = n & -n;
  for (index_t m = n / power; m <= 1024; m *= 2, power /= 2) {
    if (hadamard_kind(m) != hadamard_construction::none) return hadamard_size{m, power};
    if (power == 1) break;
  }
  return std::nullopt;
}

/// The supported sizes on either side of n, for an error message: "11264 and 11520".
inline std::string nearest_hadamard_sizes(index_t n) {
  index_t below = n, above = n;
  while (below > 1 && !split_hadamard(below)) --below;
  while (!split_hadamard(above)) ++above;
  return std::to_string(below) + " and " + std::to_string(above);
}

/// x <- H_n x, n = x.size() a power of two, Sylvester's order, not normalised.
/// Cost: n log2 n additions.
inline void walsh_hadamard(std::span<float> x) noexcept {
  OPENQUANT_EXPECTS(std::has_single_bit(x.size()));
  for (std::size_t h = 1; h < x.size(); h *= 2) {
    for (std::size_t i = 0; i < x.size(); i += 2 * h) {
      for (std::size_t j = i; j < i + h; ++j) {
        const float a = x[j], b = x[j + h];
        x[j] = a + b;
        x[j + h] = a - b;
      }
    }
  }
}

/// The orthonormal transform x -> n^-1/2 (H_m x H_{2^k}) x of every n = m 2^k with a known H_m.
class hadamard_transform {
 public:
  hadamard_transform() = default;
  /// Throws openquant::error, with the nearest sizes that work, where n is not of that form.
  explicit hadamard_transform(index_t n) : n_(n) {
    const auto size = split_hadamard(n);
    if (!size) {
      fail("hadamard: no Hadamard matrix of order ", n,
           " is known here; the nearest supported sizes are ", nearest_hadamard_sizes(n),
           "; block_hadamard<B> takes any multiple of B");
    }
    size_ = *size;
    if (size_.m > 1) factor_ = hadamard_matrix(size_.m);
  }

  index_t size() const { return n_; }

  /// x <- H x.  Cost: n (m + k) operations.
  void apply(std::span<float> x) const { run<op::none>(x); }
  /// x <- H^T x, the inverse.
  void apply_inverse(std::span<float> x) const { run<op::transpose>(x); }

 private:
  template <op Direction>
  void run(std::span<float> x) const {
    OPENQUANT_EXPECTS(static_cast<index_t>(x.size()) == n_);
    const auto power = static_cast<std::size_t>(size_.power);
    for (std::size_t b = 0; b < x.size(); b += power) walsh_hadamard(x.subspan(b, power));
    const float scale = 1.0f / std::sqrt(static_cast<float>(n_));
    if (size_.m == 1) {
      for (float& value : x) value *= scale;
      return;
    }
    const matrix<float> in(matrix_view<const float>(x.data(), size_.m, size_.power));
    gemm<Direction>(scale, factor_, in, 0.0f, {x.data(), size_.m, size_.power});
  }

  index_t n_ = 1;
  hadamard_size size_;
  matrix<float> factor_;  // (m, m)
};

}  // namespace openquant::linalg
