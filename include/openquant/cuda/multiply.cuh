// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/launch.cuh>
#include <openquant/cuda/multiply.hpp>

namespace openquant::cuda {

/// y = x W_hat^T from the codes, in the basis of the codes, on the stream. Meant for up to 8
/// tokens: every 8 read the codes anew.
///
/// Shapes:  x : (tokens, codes.shape.cols), y : (tokens, codes.rows), which do not overlap
/// Errors:  openquant::error for shapes, cuda::error where CUDA refuses
template <DeviceQuantizer Q, Storage X, Storage Y>
void multiply(const backend& on, const codes_view<Q>& codes, matrix_view<const X, device> x,
              matrix_view<Y, device> y) {
  with_multiply_kernel(codes, x, y, [&](const auto& kernel) {
    launch(on, kernel, kernel.grid(), "multiply", " of x (", x.rows(), ", ", x.cols(), ") by (",
           codes.rows, ", ", codes.shape.cols, ") codes");
  });
}

}  // namespace openquant::cuda
