// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <string>

#include <openquant/cuda/gptq.hpp>
#include <openquant/cuda/hessian.cuh>
#include <openquant/cuda/solve.cuh>

/// `gptq` on the device: method.quantize(cuda::backend{stream}, w, h).
namespace openquant::cuda {

/// What `quantize` needs of a Hessian, with H' and its feedback on the device.
template <Quantizer Q, Rotation R, Equalizer E>
using factorization = factorization_on<solver, Q, R, E>;

namespace gptq_steps {

/// What the solver's errors say that they are about.
template <class H>
std::string order_of(const H& h) {
  return " of order " + std::to_string(h.size());
}
template <class W>
std::string shape_of(const W& w) {
  return " of w (" + std::to_string(w.rows()) + ", " + std::to_string(w.cols()) + ")";
}
/// f when the stream has come so far: other streams may read it then.
template <class F>
F finished(const backend& on, F f) {
  check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize", " after factoring H of order ",
        f.there.h.rows());
  return f;
}

}  // namespace gptq_steps

/// Transforms H and factors it on the device, in binary32; where that fails, or the damping does
/// not drown binary32's roundings, in binary64 on the host, raising the damping where a pivot
/// fails. H is transformed on the host for a rotation that has no kernel. Waits for the stream.
///
/// Errors:  those of gptq::factor; cuda::error
template <Quantizer Q, Rotation R, Equalizer E>
factorization<Q, R, E> factor(const backend& on, const gptq<Q, R, E>& method,
                              const openquant::hessian& h) {
  return gptq_steps::finished(on, factor_by(solver(on, gptq_steps::order_of(h)), method, h));
}
/// The same for moments that were gathered on the device, on this stream or another: waits for it.
template <Quantizer Q, Rotation R, Equalizer E>
factorization<Q, R, E> factor(const backend& on, const gptq<Q, R, E>& method, const hessian& h) {
  return gptq_steps::finished(on,
                              factor_by(solver(on, gptq_steps::order_of(h)), method, h.to_host(),
                                        [&](device_view<float> to) { h.mean(on, to); }));
}

/// Quantizes one weight matrix, on the host or the device, that reads the inputs behind f; the
/// result is the host's. W comes to the basis of its codes on the device, unless the rotation has
/// no kernel. Waits for the stream.
///
/// Shapes:  w : (m, n)
/// Errors:  those of gptq::quantize; cuda::error
template <PanelQuantizer Q, Rotation R, Equalizer E>
quantized<Q, R, E> quantize_on(const backend& on, const gptq<Q, R, E>& method,
                               const std::type_identity_t<matrix_view<const float>>& w,
                               const factorization<Q, R, E>& f) {
  const solver d(on, gptq_steps::shape_of(w));
  tile_tables<Q> tiles(d);
  return quantize_by(d, method, w, f, tiles.view());
}
template <PanelQuantizer Q, Rotation R, Equalizer E>
quantized<Q, R, E> quantize_on(const backend& on, const gptq<Q, R, E>& method,
                               const device_view<const float>& w, const factorization<Q, R, E>& f) {
  const solver d(on, gptq_steps::shape_of(w));
  tile_tables<Q> tiles(d);
  return quantize_by(d, method, w, f, tiles.view());
}

/// The same for a Hessian that no other layer shares, of the host or the device.
template <PanelQuantizer Q, Rotation R, Equalizer E, class H>
requires std::same_as<H, openquant::hessian> || std::same_as<H, hessian> quantized<Q, R, E>
quantize_on(const backend& on, const gptq<Q, R, E>& method,
            const std::type_identity_t<matrix_view<const float>>& w, const H& h) {
  return quantize_on(on, method, w, factor(on, method, h));
}
template <PanelQuantizer Q, Rotation R, Equalizer E, class H>
requires std::same_as<H, openquant::hessian> || std::same_as<H, hessian> quantized<Q, R, E>
quantize_on(const backend& on, const gptq<Q, R, E>& method, const device_view<const float>& w,
            const H& h) {
  return quantize_on(on, method, w, factor(on, method, h));
}

/// method.plan(on, m, n): the device memory that quantizing an (m, n) layer takes whose weights and
/// Hessian are given on the host, in bytes: a workspace of `peak()` bytes is enough. cuSOLVER's own
/// part is counted where the backend has a handle of it, as elsewhere it comes from the device's
/// pool. A Hessian or weights given on the device take less.
///
/// Errors:  those of gptq::plan; cuda::error
template <PanelQuantizer Q, Rotation R, Equalizer E>
memory_plan plan_on(const backend& on, const gptq<Q, R, E>& method, index_t m, index_t n) {
  memory_plan p = device_plan(method, m, n);
  p.workspace += tile_tables<Q>::bytes();
  const index_t factoring = factor_udu_bytes(on, whole_blocks(n, Q::dim)) + 2 * workspace::grain;
  p.workspace = std::max(p.workspace, factoring - p.output);
  return p;
}

}  // namespace openquant::cuda
