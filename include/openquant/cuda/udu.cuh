// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/handles.cuh>
#include <openquant/cuda/launch.cuh>
#include <openquant/cuda/udu.hpp>

namespace openquant::cuda {

namespace udu_steps {

/// Row-major lower is column-major upper: A = R^T R with R = L^T.
inline constexpr auto uplo = CUBLAS_FILL_MODE_UPPER;

struct destroy_params {
  void operator()(cusolverDnParams* p) const { static_cast<void>(cusolverDnDestroyParams(p)); }
};
using cusolver_params = std::unique_ptr<cusolverDnParams, destroy_params>;
inline cusolver_params make_params() {
  cusolverDnParams_t made = nullptr;
  check(cusolverDnCreateParams(&made), "cusolverDnCreateParams");
  return cusolver_params(made);
}

/// Bytes of workspace of a factorization, on the device and on the host.
struct potrf_bytes {
  std::size_t there = 0, here = 0;
};
inline potrf_bytes workspace_of(const cusolver_handle& solver, cusolverDnParams_t params, index_t n,
                                const float* l, index_t stride) {
  potrf_bytes bytes;
  check(cusolverDnXpotrf_bufferSize(solver.get(), params, uplo, n, CUDA_R_32F, l, stride,
                                    CUDA_R_32F, &bytes.there, &bytes.here),
        "cusolverDnXpotrf_bufferSize", " of order ", n);
  return bytes;
}

/// L, on and below the diagonal, <- its Cholesky factor, on the stream. Returns the number of the
/// first pivot that failed, counted from 1, or 0. Waits for the stream.
inline int cholesky(const backend& on, device_view<float> l) {
  const cusolver_handle solver(on);
  const index_t n = l.rows(), stride = n == 1 ? 1 : l.stride();
  const cusolver_params params = make_params();
  const potrf_bytes bytes = workspace_of(solver, params.get(), n, l.data(), stride);
  backend beside = on;  // a handle that is made here has memory of the device's as well
  if (on.cusolver == nullptr) beside.memory = nullptr;
  device_matrix<unsigned char> workspace(beside, 1, static_cast<index_t>(bytes.there));
  std::vector<unsigned char> host_workspace(bytes.here);
  device_matrix<int> failed(on, 1, 1);
  check(cusolverDnXpotrf(solver.get(), params.get(), uplo, n, CUDA_R_32F, l.data(), stride,
                         CUDA_R_32F, workspace.data(), bytes.there, host_workspace.data(),
                         bytes.here, failed.data()),
        "cusolverDnXpotrf", " of order ", n);
  launch(on, udu_pivot_kernel{l.data(), stride, n, failed.data()}, 1, "factor_udu, pivots",
         " of order ", n);
  int pivot = 0;
  copy(on, failed.view(), matrix_view<int>(&pivot, 1, 1));
  check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize",
        " after cusolverDnXpotrf of order ", n);
  if (pivot < 0) fail("cuda: cusolverDnXpotrf of order ", n, ": argument ", -pivot, " is wrong");
  return pivot;
}

}  // namespace udu_steps

/// Bytes that `factor_udu` of order n takes on the device beside h and u; of a backend without a
/// cuSOLVER handle, in the workspace, where cuSOLVER's own part is not.
///
/// Errors:  cuda::error where cuSOLVER refuses, of which nothing is asked without a handle
inline index_t factor_udu_bytes(const backend& on, index_t n) {
  constexpr index_t pivot = sizeof(int);
  if (on.cusolver == nullptr) return pivot;
  const auto params = udu_steps::make_params();
  return pivot +
         static_cast<index_t>(
             udu_steps::workspace_of(cusolver_handle(on), params.get(), n, nullptr, n).there);
}

/// H + damping I = U D U^T with U block-unit-upper, as `linalg::factor_udu<float, float>` makes it:
/// in binary32 and in place, with cuSOLVER's Cholesky factorisation. Waits for the stream once, to
/// read how that went.
///
/// Shapes:  h : (n, n) symmetric, of which the upper triangle is read, u : (n, n), not h; n a
///          multiple of block, from 1 to 64
/// Returns: the column whose pivot was not positive, u being undefined then, or nothing when all
///          were
/// Errors:  openquant::error for shapes, cuda::error where CUDA or cuSOLVER refuses
/// Cost:    n^3 / 3 flops in binary32, and cuSOLVER's workspace
[[nodiscard]] inline std::optional<index_t> factor_udu(const backend& on,
                                                       device_view<const float> h, double damping,
                                                       index_t block, device_view<float> u) {
  const udu_kernels kernels = make_udu_kernels(h, damping, block, u);
  const index_t n = h.rows();
  if (n == 0) return std::nullopt;
  launch(on, kernels.reverse, kernels.reverse.tiles.count(), "factor_udu, reversed", " of order ",
         n);
  if (const int pivot = udu_steps::cholesky(on, u); pivot != 0) return n - pivot;
  launch(on, kernels.rows, kernels.rows.grid(), "factor_udu, rows", " of order ", n);
  launch(on, kernels.unit, kernels.unit.tiles.count(), "factor_udu, diagonal", " of order ", n);
  return std::nullopt;
}

}  // namespace openquant::cuda
