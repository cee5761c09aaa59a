// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>

#include <openquant/cuda/columns.hpp>
#include <openquant/cuda/dequantize.hpp>
#include <openquant/cuda/multiply.hpp>
#include <openquant/cuda/rotation.hpp>
#include <openquant/layer/basis.hpp>

/// Products in the original basis, on a device D as `rotation.hpp` has it. With T = R S^-1 of the
/// inputs and R_out of the outputs,
///
///   x' = x T^T,   y' = x' W'^T,   y = y' R_out;   W = R_out^T W' T
namespace openquant::cuda {

/// A `basis` and an `output_basis` on D, for activations and for weights on their way back.
template <class D, DeviceRotation R>
class device_transforms {
 public:
  /// Waits. Throws openquant::error where a rotation is of an order that no kernel has.
  device_transforms(const D& d, const basis<R>& in, const output_basis<R>& out) {
    if constexpr (IdentityRotation<R>)
      scales_ = row_on(d, widened(in.scales()));
    else
      in_.emplace(d, in.rotation(), in.scales());
    if constexpr (output_basis<R>::rotates) out_.emplace(d, out.rotation());
  }

  /// Whether x' is not x.
  bool changes_inputs() const { return in_.has_value() || scales_.rows() > 0; }

  /// to <- x T^T, in one pass. x and `to` may be the same matrix.
  ///
  /// Shapes:  x, to : (tokens, n)
  template <Storage X, Storage To>
  void input_to(const D& d, matrix_view<const X, device> x, matrix_view<To, device> to) const {
    if constexpr (IdentityRotation<R>)
      d.run(make_columns_kernel(x, to, scales(), arithmetic::over), "equalize");
    else
      in_->apply(d, x, to);
  }
  /// y <- y R_out, in one pass, or none where R has no output side. Shapes: y : (tokens, m)
  template <Storage Y>
  void output_from(const D& d, matrix_view<Y, device> y) const {
    if constexpr (output_basis<R>::rotates) out_->template apply_transposed<Y, Y>(d, y, y);
  }
  /// w <- R_out^T w T. Shapes: w : (m, n)
  void weights_from(const D& d, matrix_view<float, device> w) const {
    if constexpr (output_basis<R>::rotates) {
      auto turned = d.template zeros<float>(w.cols(), w.rows());
      d.run(make_transpose_kernel(w, turned.view()), "transpose");
      output_from(d, turned.view());
      d.run(make_transpose_kernel(turned.view(), w), "transpose");
    }
    if constexpr (!IdentityRotation<R>)
      in_->template apply_transposed<float, float>(d, w, w);
    else if (scales_.rows() > 0)
      d.run(make_columns_kernel(w, scales(), arithmetic::over), "equalize");
  }

 private:
  factors scales() const { return {scales_.rows() > 0 ? scales_.data() : nullptr}; }

  matrix_on<D, float> scales_;  // of the identity; a rotation has them in its own pass
  std::optional<device_rotation<D>> in_, out_;
};

/// y = x W_hat^T in the original basis, from codes that lie on D. Kernels alone: no memory is asked
/// for, and nothing waits. x' goes to `scratch`, which may be x itself; it may be empty where
/// `changes_inputs` is false.
///
/// Shapes:  x, scratch : (tokens, n), y : (tokens, m), y apart from both
/// Errors:  openquant::error for shapes, before anything is run
template <class D, DeviceQuantizer Q, DeviceRotation R, Storage X, Storage S, Storage Y>
void multiply_by(const D& d, const device_transforms<D, R>& to, const codes_view<Q>& codes,
                 matrix_view<const X, device> x, matrix_view<S, device> scratch,
                 matrix_view<Y, device> y) {
  const index_t tokens = x.rows(), n = codes.shape.cols;
  const bool fits = x.cols() == n && y.cols() == codes.rows && y.rows() == tokens;
  if (!fits || (to.changes_inputs() && (scratch.rows() != tokens || scratch.cols() != n))) {
    fail("cuda: multiplier of x (", tokens, ", ", x.cols(), ") by W (", codes.rows, ", ", n,
         ") to y (", y.rows(), ", ", y.cols(), ") with scratch (", scratch.rows(), ", ",
         scratch.cols(), ")");
  }
  const auto product = [&](const auto& in) {
    with_multiply_kernel(codes, in, y, [&](const auto& kernel) { d.run(kernel, "multiply"); });
  };
  if (to.changes_inputs()) {
    to.input_to(d, x, scratch);
    product(matrix_view<const S, device>(scratch));
  } else if constexpr (IdentityRotation<R>) {
    product(x);
  }
  to.output_from(d, y);
}

/// w <- W_hat in the original basis, from codes that lie on D. For a rotation of the outputs it
/// takes m n floats of memory there.
///
/// Shapes:  w : (m, n)
/// Errors:  openquant::error for shapes, before anything is run
template <class D, DeviceQuantizer Q, DeviceRotation R>
void dequantize_by(const D& d, const device_transforms<D, R>& to, const codes_view<Q>& codes,
                   matrix_view<float, device> w) {
  d.run(make_dequantize_kernel(codes, w), "dequantize");
  to.weights_from(d, w);
}

}  // namespace openquant::cuda
