// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <tuple>

#include <openquant/concepts/rotation.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/linalg/gemm.hpp>

namespace openquant::rotation {

/// Any orthogonal matrix R, a learned rotation for instance: x <- R x.
///
/// Shapes:  R : (n, n), |R R^T - I| <= 1e-4 in every entry; throws openquant::error otherwise
/// Bits:    32 n^2, the matrix itself
/// Cost:    2 n^2 flops a row
class dense {
 public:
  dense() = default;
  explicit dense(matrix<float> r) : r_(std::move(r)) { check(); }

  class bound {
   public:
    explicit bound(matrix<float> r) : r_(std::move(r)) {}
    void apply(std::span<float> x) const { multiply<linalg::op::transpose>(x); }
    void apply_inverse(std::span<float> x) const { multiply<linalg::op::none>(x); }

   private:
    template <linalg::op B>
    void multiply(std::span<float> x) const {
      const matrix<float> in(matrix_view<const float>(x.data(), 1, r_.rows()));
      linalg::gemm<linalg::op::none, B>(1.0f, in, r_, 0.0f, {x.data(), 1, r_.rows()});
    }
    matrix<float> r_;
  };

  static std::string name() { return "dense"; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.r_);
  }
  index_t stored_bits(index_t n) const { return 32 * n * n; }
  bound bind(index_t n) const {
    if (n != r_.rows()) fail("dense: the matrix is of order ", r_.rows(), ", the rows have ", n);
    check();
    return bound(r_);
  }

 private:
  void check() const {
    if (r_.rows() != r_.cols()) fail("dense: a (", r_.rows(), ", ", r_.cols(), ") matrix");
    matrix<float> product(r_.rows(), r_.rows());
    linalg::gemm<linalg::op::none, linalg::op::transpose>(1.0f, r_, r_, 0.0f, product);
    for (index_t i = 0; i < r_.rows(); ++i) {
      for (index_t j = 0; j < r_.rows(); ++j) {
        const float expected = i == j ? 1.0f : 0.0f;
        if (!(std::abs(product(i, j) - expected) <= 1e-4f)) {
          fail("dense: not orthogonal, rows ", i, " and ", j, " have the product ", product(i, j));
        }
      }
    }
  }

  matrix<float> r_;
};

static_assert(Rotation<dense>);

}  // namespace openquant::rotation
