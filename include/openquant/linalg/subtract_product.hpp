// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <type_traits>

#include <openquant/core/simd_double.hpp>
#include <openquant/linalg/gemm.hpp>

namespace openquant::linalg {

/// Rows of X and Y that are multiplied at a time.
inline constexpr index_t product_depth = 256;

/// C <- C - X^T Y in double, of up to `product_depth` rows: a strip of Y, two registers wide, lies
/// in the nearest cache, and its products with four columns of X in registers. For builds without a
/// BLAS, where every user of the solver would compile Eigen's kernel for a second type. Every width
/// adds in the same order.
template <class Arch>
void subtract_flat_product(matrix_view<const double> x, matrix_view<const double> y,
                           matrix_view<double> c) {
  using lanes = double_batch<Arch>;
  constexpr index_t high = 4, wide = 2 * lanes::lanes;
  alignas(64) double strip[product_depth][wide];
  for (index_t j = 0; j < c.cols(); j += wide) {
    const index_t width = std::min(wide, c.cols() - j);
    for (index_t k = 0; k < x.rows(); ++k) {
      std::fill(std::copy_n(&y(k, j), width, strip[k]), strip[k] + wide, 0.0);
    }
    for (index_t i = 0; i < c.rows(); i += high) {
      const index_t height = std::min(high, c.rows() - i);
      index_t column[high];  // the last one again where there are fewer
      for (index_t r = 0; r < high; ++r) column[r] = i + std::min(r, height - 1);
      lanes left[high], right[high];
      OPENQUANT_UNROLL_REGISTERS
      for (index_t r = 0; r < high; ++r) left[r] = right[r] = lanes(0);
      for (index_t k = 0; k < x.rows(); ++k) {
        const auto y_left = lanes::load(strip[k]), y_right = lanes::load(strip[k] + wide / 2);
        OPENQUANT_UNROLL_REGISTERS
        for (index_t r = 0; r < high; ++r) {
          const lanes factor(x(k, column[r]));
          left[r] = left[r] + factor * y_left;
          right[r] = right[r] + factor * y_right;
        }
      }
      double product[high][wide];
      OPENQUANT_UNROLL_REGISTERS
      for (index_t r = 0; r < high; ++r) {
        store(left[r], product[r]);
        store(right[r], product[r] + wide / 2);
      }
      for (index_t r = 0; r < height; ++r) {
        for (index_t l = 0; l < width; ++l) c(i + r, j + l) -= product[r][l];
      }
    }
  }
}

/// C <- C - X^T Y in float or double.
///
/// Shapes:  X : (k, m), Y : (k, n), C : (m, n), none of them empty
/// Cost:    2 m n k flops, on the calling thread (a threaded BLAS decides for itself)
template <class T>
void subtract_product(matrix_view<const T> x, matrix_view<const T> y, matrix_view<T> c) {
  OPENQUANT_EXPECTS(x.rows() == y.rows() && x.cols() == c.rows() && y.cols() == c.cols());
#if defined(OPENQUANT_USE_BLAS)
  const auto size = [](index_t n) { return static_cast<int>(n); };
  const auto call = [&](auto f) {
    f(CblasRowMajor, CblasTrans, CblasNoTrans, size(c.rows()), size(c.cols()), size(x.rows()),
      T(-1), x.data(), size(x.stride()), y.data(), size(y.stride()), T(1), c.data(),
      size(c.stride()));
  };
  if constexpr (std::is_same_v<T, double>)
    call(cblas_dgemm);
  else
    call(cblas_sgemm);
#else
  if constexpr (std::is_same_v<T, double>) {
    for (index_t k = 0; k < x.rows(); k += product_depth) {
      const index_t depth = std::min(product_depth, x.rows() - k);
      subtract_flat_product<default_arch>(x.block(k, 0, depth, x.cols()),
                                          y.block(k, 0, depth, y.cols()), c);
    }
  } else {
    add_product<op::transpose, op::none>(-1.0f, x, y, c);
  }
#endif
}

}  // namespace openquant::linalg
