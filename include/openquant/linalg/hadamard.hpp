// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>

#include <openquant/core/error.hpp>
#include <openquant/linalg/hadamard_matrix.hpp>
#include <openquant/linalg/sign_product.hpp>
#include <openquant/linalg/walsh_hadamard.hpp>

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
    if (size_.m == 1) return;
    const matrix<float> h = hadamard_matrix(size_.m);
    matrix<float> transposed(size_.m, size_.m);
    for (index_t i = 0; i < size_.m; ++i) {
      for (index_t j = 0; j < size_.m; ++j) transposed(j, i) = h(i, j);
    }
    ones_.assign(static_cast<std::size_t>(size_.power), 1.0f);
    forward_ = sign_product(h);
    backward_ = sign_product(transposed);
  }

  index_t size() const { return n_; }

  /// x <- H x.  Cost: n (log2 p + m / 4 + 6) additions, the m-terms for m > 1 alone.
  template <class Arch = default_arch>
  void apply(std::span<float> x) const {
    run<Arch>(x, unscaled{}, scaled{root()}, forward_);
  }
  /// x <- H^T x, the inverse.
  template <class Arch = default_arch>
  void apply_inverse(std::span<float> x) const {
    run<Arch>(x, unscaled{}, scaled{root()}, backward_);
  }

  /// x <- diag(after) (n^1/2 H) diag(before) x: signs, and a scale in either of them, cost no pass
  /// of their own.
  ///
  /// Shapes:  x, before, after : (n)
  template <class Arch = default_arch>
  void apply_between(std::span<float> x, std::span<const float> before,
                     std::span<const float> after) const {
    OPENQUANT_EXPECTS(before.size() == x.size() && after.size() == x.size());
    run<Arch>(x, diagonal{before.data()}, diagonal{after.data()}, forward_);
  }
  /// The same with H^T.
  template <class Arch = default_arch>
  void apply_inverse_between(std::span<float> x, std::span<const float> before,
                             std::span<const float> after) const {
    OPENQUANT_EXPECTS(before.size() == x.size() && after.size() == x.size());
    run<Arch>(x, diagonal{before.data()}, diagonal{after.data()}, backward_);
  }

 private:
  float root() const { return 1.0f / std::sqrt(static_cast<float>(n_)); }

  template <class Arch, class Before, class After>
  void run(std::span<float> x, Before before, After after, const sign_product& factor) const {
    OPENQUANT_EXPECTS(static_cast<index_t>(x.size()) == n_);
    using lanes = batch<Arch>;
    const index_t p = size_.power;
    if (size_.m == 1) return walsh_hadamard<lanes>(x, before, after);
    for (index_t i = 0; i < n_; i += p) {
      const auto row = x.subspan(static_cast<std::size_t>(i), static_cast<std::size_t>(p));
      walsh_hadamard<lanes>(row, before.from(i), diagonal{ones_.data()});
    }
    if (p < lane_count<lanes>) return factor.apply<float>(x.data(), p, after);
    factor.apply<lanes>(x.data(), p, after);
  }

  index_t n_ = 1;
  hadamard_size size_;
  sign_product forward_, backward_;  // H_m and its transpose
  aligned_vector<float>
      ones_;  // (p) for m > 1: so that both uses of walsh_hadamard are one to compile
};

}  // namespace openquant::linalg
