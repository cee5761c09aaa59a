// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <openquant/concepts/equalizer.hpp>
#include <openquant/concepts/rotation.hpp>
#include <openquant/core/error.hpp>
#include <openquant/core/executor.hpp>
#include <openquant/core/float16.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>

namespace openquant {

/// The basis in which a layer is quantized: equalizer first, rotation second. With S = diag(s),
///
///   W' = W S R^T,   H' = R S^-1 H S^-1 R^T,   x' = x S^-1 R^T,   so that x' W'^T = x W^T.
///
/// s is held in fp16, as it is stored, so that every direction uses the same numbers.
template <Rotation R>
class basis {
 public:
  /// Throws openquant::error where R does not support length n or a scale is not positive in fp16.
  basis(const R& r, index_t n, const std::vector<float>& s) : bound_(r.bind(n)) {
    for (const float value : s) {
      const float16 stored = to_float16(value);
      if (!(to_float(stored) > 0) || !std::isfinite(to_float(stored))) {
        fail("equalizer: scale ", value, " of channel ", scales_.size(),
             " is not positive in fp16");
      }
      scales_.push_back(stored);
    }
  }
  basis(const R& r, index_t n, std::vector<float16> s) : bound_(r.bind(n)), scales_(std::move(s)) {}

  /// s as stored; empty where all are 1.
  const std::vector<float16>& scales() const { return scales_; }
  /// R for this length.
  const auto& rotation() const { return bound_; }

  /// W <- W S R^T.
  template <class Arch = default_arch>
  void weights_to(matrix_view<float> w) const {
    for (index_t i = 0; i < w.rows(); ++i) {
      const std::span<float> row = w.row(i);
      for (std::size_t j = 0; j < scales_.size(); ++j) row[j] *= to_float(scales_[j]);
    }
    rotate<Arch>(w);
  }
  /// The inverse of weights_to for one row.
  void weight_from(std::span<float> w) const {
    bound_.apply_inverse(w);
    for (std::size_t j = 0; j < scales_.size(); ++j) w[j] /= to_float(scales_[j]);
  }
  /// x <- x S^-1 R^T for one token.
  void input_to(std::span<float> x) const {
    unscale(x);
    bound_.apply(x);
  }
  /// H <- R S^-1 H S^-1 R^T, H : (n, n).
  template <class Arch = default_arch, Executor X = serial>
  void hessian_to(matrix_view<float> h, X&& executor = {}) const {
    if (IdentityRotation<R> && scales_.empty()) return;
    const index_t n = h.rows();
    constexpr index_t some = 32;  // columns, and then rows, a task
    const auto in_parts = [&](const auto& task) {
      executor.run((n + some - 1) / some, [&](index_t t) {
        const index_t first = t * some;
        task(first, std::min(some, n - first));
      });
    };
    in_parts([&](index_t j, index_t columns) {
      const auto part = h.block(0, j, n, columns);
      for (index_t i = 0; i < std::ssize(scales_); ++i) {
        for (float& x : part.row(i)) x /= to_float(scales_[static_cast<std::size_t>(i)]);
      }
      rotate_columns<Arch>(part);
    });
    in_parts([&](index_t i, index_t rows) {
      const auto part = h.block(i, 0, rows, n);
      for (index_t r = 0; r < rows; ++r) unscale(part.row(r));
      rotate<Arch>(part);
    });
  }

 private:
  void unscale(std::span<float> x) const {
    for (std::size_t j = 0; j < scales_.size(); ++j) x[j] /= to_float(scales_[j]);
  }
  /// X <- X R^T.
  template <class Arch>
  void rotate(matrix_view<float> x) const {
    if constexpr (takes_columns<Arch>) {
      matrix<float> columns(x.cols(), width<Arch>);
      for (index_t i = 0; i < x.rows(); i += width<Arch>) {
        const auto rows = x.block(i, 0, std::min(width<Arch>, x.rows() - i), x.cols());
        const auto used = columns.view().block(0, 0, x.cols(), rows.rows());
        transpose(rows, used);
        bound_.template apply_columns<batch<Arch>>(columns.data());
        transpose(used, rows);
      }
    } else {
      for (index_t i = 0; i < x.rows(); ++i) bound_.apply(x.row(i));
    }
  }
  /// X <- R X.
  template <class Arch>
  void rotate_columns(matrix_view<float> x) const {
    if constexpr (takes_columns<Arch>) {
      matrix<float> columns(x.rows(), width<Arch>);
      for (index_t j = 0; j < x.cols(); j += width<Arch>) {
        const auto part = x.block(0, j, x.rows(), std::min(width<Arch>, x.cols() - j));
        for (index_t i = 0; i < x.rows(); ++i) {
          std::ranges::copy(part.row(i), columns.row(i).begin());
        }
        bound_.template apply_columns<batch<Arch>>(columns.data());
        for (index_t i = 0; i < x.rows(); ++i) {
          std::copy_n(columns.row(i).begin(), part.cols(), part.row(i).begin());
        }
      }
    } else {
      matrix<float> rows(x.cols(), x.rows());
      transpose(x, rows.view());
      rotate<Arch>(rows.view());
      transpose(rows.view(), x);
    }
  }

  using bound_map = decltype(std::declval<const R&>().bind(index_t{}));
  /// Whether R takes vectors side by side, one a lane. W and H are transformed once but compiled
  /// into every method, and so they take less to compile than by what transforms activations.
  template <class Arch>
  static constexpr bool takes_columns = requires(const bound_map& bound, float* x) {
    bound.template apply_columns<batch<Arch>>(x);
  };
  template <class Arch>
  static constexpr index_t width = lane_count<batch<Arch>>;

  bound_map bound_;
  std::vector<float16> scales_;
};

/// The other side of W, for a rotation with `bind_outputs`: W' = R_out W, y' = y R_out^T. For every
/// other rotation it does nothing.
template <Rotation R>
class output_basis {
 public:
  static constexpr bool rotates = TwoSidedRotation<R>;

  output_basis(const R& r, index_t m) : bound_(bind(r, m)) {}

  /// R_out for this length.
  const auto& rotation() const { return bound_; }

  /// W <- R_out W.
  void weights_to(matrix_view<float> w) const {
    if constexpr (rotates) for_each_column(w, [&](std::span<float> x) { bound_.apply(x); });
  }
  /// The inverse of weights_to.
  void weights_from(matrix_view<float> w) const {
    if constexpr (rotates) for_each_column(w, [&](std::span<float> x) { bound_.apply_inverse(x); });
  }
  /// y <- y R_out, for one token's outputs as the rotated weights give them.
  void output_from(std::span<float> y) const {
    if constexpr (rotates) bound_.apply_inverse(y);
  }

 private:
  struct nothing {};
  static auto bind(const R& r, index_t m) {
    if constexpr (rotates)
      return r.bind_outputs(m);
    else
      return nothing{};
  }
  /// f(column) for 16 columns at a time, which share the cache lines of a row.
  template <class F>
  static void for_each_column(matrix_view<float> w, const F& f) {
    constexpr index_t slab = 16;
    matrix<float> column(slab, w.rows());
    for (index_t j = 0; j < w.cols(); j += slab) {
      const index_t width = std::min(slab, w.cols() - j);
      for (index_t i = 0; i < w.rows(); ++i) {
        for (index_t k = 0; k < width; ++k) column(k, i) = w(i, j + k);
      }
      for (index_t k = 0; k < width; ++k) f(column.row(k));
      for (index_t i = 0; i < w.rows(); ++i) {
        for (index_t k = 0; k < width; ++k) w(i, j + k) = column(k, i);
      }
    }
  }

  decltype(bind(std::declval<const R&>(), index_t{})) bound_;
};

/// Bits that must be stored to build both sides of R again.
template <Rotation R>
index_t stored_rotation_bits(const R& r, index_t m, index_t n) {
  if constexpr (TwoSidedRotation<R>)
    return r.stored_bits(n) + r.stored_output_bits(m);
  else
    return r.stored_bits(n);
}

}  // namespace openquant
