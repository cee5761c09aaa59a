// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include <openquant/core/error.hpp>
#include <openquant/linalg/hadamard_matrix.hpp>
#include <openquant/linalg/paley_product.hpp>
#include <openquant/linalg/sign_product.hpp>
#include <openquant/linalg/walsh_hadamard.hpp>
#include <openquant/linalg/walsh_hadamard_columns.hpp>
#include <openquant/linalg/williamson_product.hpp>

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

/// The first supported size from n on, upwards for a step of 1, downwards for one of -1.
inline index_t nearest_hadamard_size(index_t n, index_t step) {
  while (!split_hadamard(n) && (step > 0 || n > 1)) n += step;
  return n;
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
           " is known here; the nearest supported sizes are ", nearest_hadamard_size(n, -1),
           " and ", nearest_hadamard_size(n, 1), "; block_hadamard<B> takes any multiple of B");
    }
    size_ = *size;
    if (size_.m == 1) return;
    const matrix<float> h = hadamard_matrix(size_.m);
    matrix<float> transposed(size_.m, size_.m);
    for (index_t i = 0; i < size_.m; ++i) {
      for (index_t j = 0; j < size_.m; ++j) transposed(j, i) = h(i, j);
    }
    forward_ = sign_product(h);
    backward_ = sign_product(transposed);
  }

  index_t size() const { return n_; }

  /// x <- H x for each row x of X. Rows in memory are fetched while those before them are
  /// transformed, so that the rows of a matrix in one call are faster than one by one.
  ///
  /// Shapes:  X : (rows, n)
  /// Cost:    n (log2 p + m / 4 + 6) additions a row, the m-terms for m > 1 alone; 27 for m = 172
  template <class Arch = default_arch>
  void apply(const matrix_view<float>& x) const {
    run<Arch, false>(x, unscaled{}, scaled{root()});
  }
  /// x <- H^T x, the inverse, for each row.
  template <class Arch = default_arch>
  void apply_inverse(const matrix_view<float>& x) const {
    run<Arch, true>(x, unscaled{}, scaled{root()});
  }
  /// The same for one row of n floats.
  template <class Arch = default_arch>
  void apply(std::span<float> x) const {
    apply<Arch>(row_of(x));
  }
  template <class Arch = default_arch>
  void apply_inverse(std::span<float> x) const {
    apply_inverse<Arch>(row_of(x));
  }

  /// x <- diag(after) (n^1/2 H) diag(before) x for each row x of X: signs, and a scale in either of
  /// them, cost no pass of their own.
  ///
  /// Shapes:  X : (rows, n); before, after : (n)
  template <class Arch = default_arch>
  void apply_between(const matrix_view<float>& x, std::span<const float> before,
                     std::span<const float> after) const {
    OPENQUANT_EXPECTS(before.size() == after.size() && static_cast<index_t>(after.size()) == n_);
    run<Arch, false>(x, diagonal{before.data()}, diagonal{after.data()});
  }
  /// The same with H^T.
  template <class Arch = default_arch>
  void apply_inverse_between(const matrix_view<float>& x, std::span<const float> before,
                             std::span<const float> after) const {
    OPENQUANT_EXPECTS(before.size() == after.size() && static_cast<index_t>(after.size()) == n_);
    run<Arch, true>(x, diagonal{before.data()}, diagonal{after.data()});
  }

  /// X <- n^1/2 H X for as many vectors as lanes, side by side: short to compile, and slower than
  /// `apply`.
  ///
  /// Shapes:  X : (n, lanes), rows one after the other
  template <Lane Lanes>
  void apply_columns(float* x) const {
    constexpr index_t lanes = lane_count<Lanes>;
    const index_t m = size_.m, p = size_.power;
    for (index_t i = 0; i < m; ++i) walsh_hadamard_columns<Lanes>(x + i * p * lanes, p);
    if (m > 1) forward_.template apply<Lanes>(x, p * lanes, unscaled{});
  }

 private:
  float root() const { return 1.0f / std::sqrt(static_cast<float>(n_)); }

  static matrix_view<float> row_of(std::span<float> x) {
    return {x.data(), 1, static_cast<index_t>(x.size())};
  }

  template <class Arch, bool inverse, class Before, class After>
  void run(const matrix_view<float>& x, Before before, After after) const {
    OPENQUANT_EXPECTS(x.cols() == n_);
    using lanes = batch<Arch>;
    const index_t m = size_.m, p = size_.power;
    const fetch_ahead ahead = fetch_rows_of(x);
    if (m == 1) return walsh_hadamard<lanes>(x, before, after, 0, ahead);
    for (index_t i = 0; i < x.rows(); ++i) {
      float* const row = x.data() + i * x.stride();
      if constexpr (constexpr index_t whole = williamson_row<lanes>; whole != 0) {
        if (m == 172 && p == whole) {
          williamson_transform<inverse, lanes>(row, before, after,
                                               i < ahead.rows ? ahead.distance : 0);
          continue;
        }
      }
      walsh_hadamard<lanes>(matrix_view<float>(row, m, p), before, unscaled{}, p,
                            {i < ahead.rows ? m : 0, ahead.distance});
      if (p < lane_count<lanes>)
        multiply<inverse, float>(row, after);
      else
        multiply<inverse, lanes>(row, after);
    }
  }

  /// X <- After H_m X, or H_m^T X, for the X of (m, p).
  template <bool inverse, class Lanes, class After>
  void multiply(float* x, After after) const {
    const index_t p = size_.power;
    if (size_.m == 172) return williamson_product<inverse, Lanes>(x, p, after);
    if constexpr (1 < lane_count<Lanes>) {  // the same bits as from tables
      switch (size_.m) {
        case 12:
          return paley_product<12, inverse, Lanes>(x, p, after);
        case 20:
          return paley_product<20, inverse, Lanes>(x, p, after);
        case 28:  // symmetric
          return paley_product<28, false, Lanes>(x, p, after);
        case 44:
          return paley_product<44, inverse, Lanes>(x, p, after);
      }
    }
    (inverse ? backward_ : forward_).template apply<Lanes>(x, p, after);
  }

  index_t n_ = 1;
  hadamard_size size_;
  sign_product forward_, backward_;  // H_m and its transpose
};

}  // namespace openquant::linalg
