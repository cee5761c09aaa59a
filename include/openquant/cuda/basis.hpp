// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <optional>

#include <openquant/cuda/columns.hpp>
#include <openquant/cuda/rotation.hpp>
#include <openquant/cuda/transpose.hpp>
#include <openquant/layer/solve.hpp>

/// W and H in the basis of the codes, on a device D as `solve` and `rotation.hpp` have it. Where
/// the rotation has no kernel they come to it on the host, by `openquant::basis`.
namespace openquant::cuda {

/// A `basis` on a device.
template <class D, DeviceRotation R>
class device_basis {
 public:
  /// Is R one that runs there? Its order may be one that no kernel has.
  static bool runs(const basis<R>& of) {
    if constexpr (IdentityRotation<R>)
      return true;
    else
      return has_transform_kernel(of.rotation().block());
  }
  static bool runs(const output_basis<R>& of) {
    if constexpr (output_basis<R>::rotates)
      return has_transform_kernel(of.rotation().block());
    else
      return true;
  }

  device_basis(const D& d, const basis<R>& of) : d_(d), scales_(row_on(d, widened(of.scales()))) {
    if constexpr (!IdentityRotation<R>) rotation_.emplace(d, of.rotation());
  }

  /// w <- w S R^T for each row. Shapes: w : (rows, n)
  void weights_to(matrix_view<float, device> w) const {
    scale(w, arithmetic::times);
    rotate(w);
  }
  /// to <- H' of the mean over tokens, which is lost. Shapes: mean, to : (n, n), apart
  void hessian_to(matrix_view<float, device> mean, matrix_view<float, device> to) const {
    scale(mean, arithmetic::over);
    rotate(mean);
    d_.run(make_transpose_kernel(mean, to), "transpose");
    scale(to, arithmetic::over);
    rotate(to);
  }

 private:
  void scale(matrix_view<float, device> x, arithmetic by) const {
    if (scales_.rows() > 0) d_.run(make_columns_kernel(x, {scales_.data()}, by), "equalize");
  }
  void rotate(matrix_view<float, device> x) const {
    if constexpr (!IdentityRotation<R>) rotation_->template apply<float, float>(d_, x, x);
  }

  const D& d_;
  matrix_on<D, float> scales_;
  std::optional<device_rotation<D>> rotation_;
};

/// `solver_weights` on a device.
template <class D>
struct device_weights {
  matrix_on<D, float> w;  ///< (m, whole blocks)
  float unit = 1;
};

/// Those of W, on the host or the device, there. Waits. Throws openquant::error naming row and
/// column where a weight is not finite.
///
/// Shapes:  original : (m, n)
template <class D, class Space, Quantizer Q, DeviceRotation R>
device_weights<D> weights_on_device(const D& d, matrix_view<const float, Space> original,
                                    const Q& q, const basis<R>& to,
                                    const output_basis<R>& outputs) {
  const index_t m = original.rows(), n = original.cols();
  auto w = d.template zeros<float>(m, whole_blocks(n, Q::dim));
  auto largest = d.template zeros<float>(1, m);
  auto squares = d.template zeros<double>(1, m);
  const auto filled = w.view().block(0, 0, m, n);
  if constexpr (std::is_same_v<Space, device>)
    d.copy(original, filled);
  else
    d.write(original, filled);
  const auto measure = [&] {
    d.run(row_norms_kernel{filled.data(), filled.stride(), {m, n}, largest.data(), squares.data()},
          "weights");
    return d.read(largest.view());
  };
  const matrix<float> before = measure();
  for (index_t i = 0; i < m; ++i) {
    if (std::isfinite(before(0, i))) continue;
    const matrix<float> row = d.read(filled.block(i, 0, 1, n));
    index_t j = 0;
    while (std::isfinite(row(0, j))) ++j;
    fail("weights: w(", i, ", ", j, ") = ", row(0, j));
  }
  device_basis<D, R>(d, to).weights_to(filled);
  if constexpr (output_basis<R>::rotates) {
    auto turned = d.template zeros<float>(n, m);
    d.run(make_transpose_kernel(filled, turned.view()), "transpose");
    device_rotation<D>(d, outputs.rotation())
        .template apply<float, float>(d, turned.view(), turned.view());
    d.run(make_transpose_kernel(turned.view(), filled), "transpose");
  }
  const matrix<float> after = measure();
  const float unit = weight_unit(q, std::ranges::max(after.row(0)), m * n, [&] {
    double sum = 0;
    const matrix<double> of_rows = d.read(squares.view());
    for (const double x : of_rows.row(0)) sum += x;
    return sum;
  });
  d.run(make_columns_kernel(filled, {nullptr, unit > 0 ? 1.0f / unit : 0.0f}, arithmetic::times),
        "weights");
  return {std::move(w), unit};
}

}  // namespace openquant::cuda
