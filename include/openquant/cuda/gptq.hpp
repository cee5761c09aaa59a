// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <type_traits>
#include <utility>

#include <openquant/cuda/basis.hpp>
#include <openquant/cuda/solve.hpp>
#include <openquant/cuda/workspace.hpp>
#include <openquant/layer/gptq.hpp>

/// `gptq` on a device D, as `solve` and `basis.hpp` have it, and
///
///   d.factor_udu(h, damping, block, u)  as `linalg::factor_udu`, in binary32
namespace openquant::cuda {

/// H', its feedback and diagonal on the device, and the order of coding, empty for the natural one.
template <class D>
struct device_factors {
  matrix_on<D, float> h, u, importance;
  matrix_on<D, index_t> order;
};

/// What `quantize_by` needs of a Hessian.
template <class D, Quantizer Q, Rotation R, Equalizer E>
struct factorization_on {
  typename gptq<Q, R, E>::factorization host;  ///< but h and u, which are empty
  device_factors<D> there;
};

/// The steps of `gptq::factor_by` on D; mean(to) brings the mean over tokens there.
template <class D, class Mean, Quantizer Q, Rotation R, Equalizer E>
struct factor_steps {
  using factorization = typename gptq<Q, R, E>::factorization;

  const D& d;
  const Mean& mean;
  device_factors<D>& to;

  void transform(factorization& f, const openquant::hessian& h) const {
    const index_t n = f.channels, whole = whole_blocks(n, Q::dim);
    to.h = d.template zeros<float>(whole, whole);
    to.u = d.template zeros<float>(whole, whole);
    to.importance = d.template zeros<float>(1, whole);
    transform(f.basis, h, to.h.view().block(0, 0, n, n));
    const matrix<float> diagonal =
        d.read(matrix_view<const float, device>(to.h.data(), whole, 1, whole + 1));
    f.importance.assign(diagonal.data(), diagonal.data() + whole);
    d.write(matrix_view<const float>(f.importance.data(), 1, whole), to.importance.view());
  }
  void reorder(factorization& f) const {
    to.order = d.template zeros<index_t>(1, std::ssize(f.order));
    d.write(matrix_view<const index_t>(f.order.data(), 1, to.order.cols()), to.order.view());
    d.run(make_transpose_kernel(to.h.view(), to.u.view(), order()), "reorder");
    d.run(make_transpose_kernel(to.u.view(), to.h.view(), order()), "reorder");
  }
  void fill(factorization& f, float x) const {
    const index_t n = to.h.rows();
    if (n == f.channels) return;
    d.run(fill_diagonal_kernel{to.h.data(), n, n, f.channels, order(), x}, "fill");
  }
  std::optional<index_t> factorize(factorization& f, double damping) const {
    const index_t n = to.h.rows();
    if (gptq<Q, R, E>::drowns_roundings(f.damping, n) &&
        !d.factor_udu(to.h.view(), damping, index_t{Q::dim}, to.u.view())) {
      return std::nullopt;
    }
    matrix<float> u(n, n);
    const auto pivot =
        linalg::factor_udu<float, double>(d.read(to.h.view()), damping, index_t{Q::dim}, u);
    d.write(u.view(), to.u.view());
    return pivot;
  }

 private:
  column_order order() const { return {to.order.data(), Q::dim}; }
  void transform(const basis<R>& basis, const openquant::hessian& h,
                 matrix_view<float, device> into) const {
    if constexpr (DeviceRotation<R>) {
      if (device_basis<D, R>::runs(basis)) {
        auto sums = d.template zeros<float>(h.size(), h.size());
        mean(sums.view());
        return device_basis<D, R>(d, basis).hessian_to(sums.view(), into);
      }
    }
    matrix<float> on_host = h.mean();
    basis.hessian_to(on_host);
    d.write(on_host.view(), into);
  }
};

/// Transforms H and factors it on the device, in binary32; where that fails, or the damping does
/// not drown binary32's roundings, in binary64 on the host, raising the damping where a pivot
/// fails. H is transformed on the host for a rotation that has no kernel. Waits.
///
/// Errors:  those of gptq::factor
template <class D, Quantizer Q, Rotation R, Equalizer E, class Mean>
factorization_on<D, Q, R, E> factor_by(const D& d, const gptq<Q, R, E>& method,
                                       const openquant::hessian& h, const Mean& mean) {
  device_factors<D> there;
  auto host = method.factor_by(h, factor_steps<D, Mean, Q, R, E>{d, mean, there});
  return {std::move(host), std::move(there)};
}
template <class D, Quantizer Q, Rotation R, Equalizer E>
factorization_on<D, Q, R, E> factor_by(const D& d, const gptq<Q, R, E>& method,
                                       const openquant::hessian& h) {
  return factor_by(d, method, h, [&](matrix_view<float, device> to) {
    const matrix<float> mean = h.mean();
    d.write(mean.view(), to);
  });
}

/// The memory that `factor_by` and `quantize_by` take on a device at most, in bytes, for an (m, n)
/// layer whose weights and Hessian are given on the host: its output there is codes and scales in
/// strips. What a library's factorization takes is not counted.
///
/// Errors:  those of gptq::plan
template <PanelQuantizer Q, Rotation R, Equalizer E>
memory_plan device_plan(const gptq<Q, R, E>& method, index_t m, index_t n) {
  static_cast<void>(method.plan(m, n));  // throws where there is nothing to plan
  const index_t g = quantized<Q, R, E>::resolve(n, method.options.group_size);
  const strip_shape<Q> shape{n, g};
  const index_t strips = (m + strip_shape<Q>::rows - 1) / strip_shape<Q>::rows;
  const index_t whole = whole_blocks(n, Q::dim);
  memory_plan p;
  p.output = 4 * strips * (shape.scales() + shape.words());
  p.factor = 4 * (2 * whole * whole + whole) +
             (method.options.act_order ? whole / Q::dim * index_t{sizeof(index_t)} : 0);
  const index_t mean = DeviceRotation<R> ? 4 * n * n : 0;  // before there is W or any output
  // Beside W' then sums and errors, 8 m n; on its way there no more than two matrices of m n.
  const index_t solving = 4 * m * whole + p.output + solve_bytes(m, whole, shape);
  // Signs, scales and norms; and every block begins on a grain of the workspace.
  constexpr index_t sign_bits = IdentityRotation<R> ? 0 : 16 << 10, most_blocks = 32;
  p.workspace = std::max(mean, solving) - p.output + 20 * (m + n) + sign_bits +
                most_blocks * workspace::grain;
  return p;
}

/// W in the basis of its codes, there, from the host or the device.
template <class D, class Space, Quantizer Q, Rotation R>
device_weights<D> bring_weights(const D& d, matrix_view<const float, Space> w, const Q& q,
                                const basis<R>& to, const output_basis<R>& outputs) {
  constexpr bool is_there = std::is_same_v<Space, device>;
  if constexpr (DeviceRotation<R>) {
    if (device_basis<D, R>::runs(to) && device_basis<D, R>::runs(outputs)) {
      return weights_on_device(d, w, q, to, outputs);
    }
  }
  if constexpr (is_there) {
    const matrix<float> here = d.read(w);
    return bring_weights(d, here.view(), q, to, outputs);
  } else {
    const serial executor;
    const solver_weights weights(w, q, to, outputs, executor);
    auto there = d.template zeros<float>(weights.w.rows(), weights.w.cols());
    d.write(weights.w.view(), there.view());
    return {std::move(there), weights.unit};
  }
}

/// Quantizes one weight matrix that reads the inputs behind f; the result is the host's. Waits.
///
/// Shapes:  w : (m, n), on the host or the device; tiles : as `layer_view` has them
/// Errors:  those of gptq::quantize
template <class D, PanelQuantizer Q, Rotation R, Equalizer E, class Space>
quantized<Q, R, E> quantize_by(const D& d, const gptq<Q, R, E>& method,
                               matrix_view<const float, Space> w,
                               const factorization_on<D, Q, R, E>& f,
                               const tile_memory<Q>& tiles = {}) {
  if (w.cols() != f.host.channels) {
    fail("gptq: w is (", w.rows(), ", ", w.cols(), "), the Hessian is of order ", f.host.channels);
  }
  quantized<Q, R, E> result(method.quantizer, f.host.rotation, f.host.equalizer, w.rows(), w.cols(),
                            method.options.group_size, f.host.basis);
  const auto weights = bring_weights(d, w, method.quantizer, f.host.basis, result.outputs());
  const strip_shape<Q> shape{w.cols(), result.group_size()};
  const index_t strips = (w.rows() + strip_shape<Q>::rows - 1) / strip_shape<Q>::rows;
  auto scales = d.template zeros<float>(strips, shape.scales());
  auto words = d.template zeros<std::int32_t>(strips, shape.words());
  const solver_errors errors =
      solve(d, layer_view<Q>{method.quantizer, shape, weights.w.view(), f.there.h.view(),
                             f.there.u.view(), f.there.importance.view(), scales.view(),
                             words.view(), tiles, f.there.order.view()});
  const matrix<float> scale = d.read(scales.view());
  const matrix<std::int32_t> word = d.read(words.view());
  for (index_t i = 0; i < strips; ++i) {
    read_strip(method.quantizer, shape, i, word.row(i), scale.row(i), result.packed().codes,
               result.packed().scales);
  }
  result.complete(weights.unit, {f.host.tokens, f.host.dead_channels, f.host.attempts,
                                 f.host.damping, errors.with_feedback, errors.round_to_nearest});
  return result;
}

}  // namespace openquant::cuda
