// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/blas.hpp>
#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/handles.cuh>

namespace openquant::cuda {

namespace blas_steps {

/// A handle that several calls share, or one for this call.
inline const cublas_handle& handle_for(const cublas_handle& blas) { return blas; }
inline cublas_handle handle_for(const backend& on) { return cublas_handle(on); }

/// Of shapes that fit, none of them empty but in k.
inline void call(const cublas_handle& blas, float alpha, const gemm_arguments& g, float beta) {
  const auto flag = [](linalg::op o) { return o == linalg::op::none ? CUBLAS_OP_N : CUBLAS_OP_T; };
  check(cublasSgemm(blas.get(), flag(g.left_op), flag(g.right_op), g.m, g.n, g.k, &alpha, g.left,
                    g.left_stride, g.right, g.right_stride, &beta, g.c, g.c_stride),
        "cublasSgemm", " of (", g.n, ", ", g.k, ") times (", g.k, ", ", g.m, ")");
}
inline void call(const cublas_handle& blas, float alpha, const syrk_arguments& s, float beta) {
  check(cublasSsyrk(blas.get(), CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, s.n, s.k, &alpha, s.x,
                    s.x_stride, &beta, s.c, s.c_stride),
        "cublasSsyrk", " of x (", s.k, ", ", s.n, ")");
}

}  // namespace blas_steps

/// C <- beta C + alpha op(A) op(B) by cuBLAS, in binary32, on the stream. With beta = 0, C is not
/// read. `on` is a backend, or a cublas_handle for one that several calls share.
///
/// Shapes:  op(A) : (m, k), op(B) : (k, n), C : (m, n), each size and stride below 2^31
/// Errors:  openquant::error for shapes, before anything else; cuda::error where cuBLAS refuses
/// Cost:    2 m n k flops
template <linalg::op A = linalg::op::none, linalg::op B = linalg::op::none, class On>
void multiply_add(const On& on, float alpha, device_view<const float> a, device_view<const float> b,
                  float beta, device_view<float> c) {
  const gemm_arguments arguments = make_gemm_arguments<A, B>(a, b, c);
  if (!c.empty()) blas_steps::call(blas_steps::handle_for(on), alpha, arguments, beta);
}

/// C <- beta C + alpha X^T X on and below the diagonal; above it nothing is read or written. With
/// beta = 0, C is not read.
///
/// Shapes:  X : (k, n), C : (n, n), each size and stride below 2^31
/// Errors:  as `multiply_add`
/// Cost:    k n^2 flops
template <class On>
void rank_update(const On& on, float alpha, device_view<const float> x, float beta,
                 device_view<float> c) {
  const syrk_arguments arguments = make_syrk_arguments(x, c);
  if (!c.empty()) blas_steps::call(blas_steps::handle_for(on), alpha, arguments, beta);
}

}  // namespace openquant::cuda
