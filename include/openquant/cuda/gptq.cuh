// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>

#include <openquant/cuda/hessian.cuh>
#include <openquant/cuda/solve.cuh>
#include <openquant/cuda/udu.cuh>
#include <openquant/layer/gptq.hpp>

/// `gptq` on the device: method.quantize(cuda::backend{stream}, w, h).
namespace openquant::cuda {

/// What `quantize` needs of a Hessian, with H' and its feedback on the device.
template <Quantizer Q, Rotation R, Equalizer E>
struct factorization {
  typename gptq<Q, R, E>::factorization host;  ///< but h and u, which are empty
  device_matrix<float> h, u, importance;
  device_matrix<index_t> order;
};

/// Transforms H on the host and factors it on the device, in binary32; where that fails, or the
/// damping does not drown binary32's roundings, in binary64 on the host, raising the damping where
/// a pivot fails. Waits for the stream.
///
/// Errors:  those of gptq::factor; cuda::error
template <Quantizer Q, Rotation R, Equalizer E>
factorization<Q, R, E> factor(const backend& on, const gptq<Q, R, E>& method,
                              const openquant::hessian& h) {
  device_matrix<float> there, u;
  const serial executor;
  auto f = method.factor_by(h, executor, [&](auto& g, double damping) -> std::optional<index_t> {
    const index_t n = g.h.rows();
    if (u.rows() == 0) there = device_matrix<float>(on, n, n), u = device_matrix<float>(on, n, n);
    if (method.drowns_roundings(g.damping, n)) {
      copy(on, g.h.view(), there.view());
      if (!factor_udu(on, there.view(), damping, Q::dim, u.view())) return std::nullopt;
    }
    matrix<float> on_host(n, n);
    const auto pivot = linalg::factor_udu<float, double>(g.h, damping, Q::dim, on_host);
    copy(on, on_host.view(), u.view());
    check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize", " after copying U");
    return pivot;
  });
  const index_t n = f.h.rows();
  device_matrix<float> importance(on, 1, n);
  const matrix_view<const index_t> blocks(f.order.data(), f.order.empty() ? 0 : 1,
                                          std::ssize(f.order));
  device_matrix<index_t> order(on, blocks.rows(), blocks.cols());
  copy(on, blocks, order.view());
  copy(on, f.h.view(), there.view());  // again: what only fills up has no weight now
  copy(on, matrix_view<const float>(f.importance.data(), 1, n), importance.view());
  check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize", " after copying H");
  f.h = {};
  return {std::move(f), std::move(there), std::move(u), std::move(importance), std::move(order)};
}

/// Quantizes one weight matrix that reads the inputs behind f; the result is the host's. W comes to
/// the basis of its codes on the host. Waits for the stream.
///
/// Shapes:  w : (m, n)
/// Errors:  those of gptq::quantize; cuda::error
template <PanelQuantizer Q, Rotation R, Equalizer E>
quantized<Q, R, E> quantize_on(const backend& on, const gptq<Q, R, E>& method,
                               const std::type_identity_t<matrix_view<const float>>& w,
                               const factorization<Q, R, E>& f) {
  if (w.cols() != f.host.channels) {
    fail("gptq: w is (", w.rows(), ", ", w.cols(), "), the Hessian is of order ", f.host.channels);
  }
  quantized<Q, R, E> result(method.quantizer, f.host.rotation, f.host.equalizer, w.rows(), w.cols(),
                            method.options.group_size, f.host.basis);
  const serial executor;
  const solver_weights weights(w, method.quantizer, f.host.basis, result.outputs(), executor);
  const strip_shape<Q> shape{w.cols(), result.group_size()};
  const index_t strips = (w.rows() + strip_shape<Q>::rows - 1) / strip_shape<Q>::rows;

  const solver d(on);
  device_matrix<float> there(on, weights.w.rows(), weights.w.cols());
  copy(on, weights.w.view(), there.view());
  auto scales = d.zeros<float>(strips, shape.scales());
  auto words = d.zeros<std::int32_t>(strips, shape.words());
  tile_tables<Q> tiles(d);
  const solver_errors errors =
      solve(d, layer_view<Q>{method.quantizer, shape, there.view(), f.h.view(), f.u.view(),
                             f.importance.view(), scales.view(), words.view(), tiles.view(),
                             f.order.view()});
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

/// The same for a Hessian that no other layer shares.
template <PanelQuantizer Q, Rotation R, Equalizer E>
quantized<Q, R, E> quantize_on(const backend& on, const gptq<Q, R, E>& method,
                               const std::type_identity_t<matrix_view<const float>>& w,
                               const openquant::hessian& h) {
  return quantize_on(on, method, w, factor(on, method, h));
}

/// The same for moments that were gathered on the device.
template <PanelQuantizer Q, Rotation R, Equalizer E>
quantized<Q, R, E> quantize_on(const backend& on, const gptq<Q, R, E>& method,
                               const std::type_identity_t<matrix_view<const float>>& w,
                               const hessian& h) {
  return quantize_on(on, method, w, h.to_host());
}

/// The same for weights in device memory.
template <PanelQuantizer Q, Rotation R, Equalizer E, class H>
quantized<Q, R, E> quantize_on(const backend& on, const gptq<Q, R, E>& method,
                               const device_view<const float>& w, const H& h) {
  matrix<float> here(w.rows(), w.cols());
  copy(on, w, here.view());
  check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize", " after copying W");
  return quantize_on(on, method, here, h);
}

}  // namespace openquant::cuda
