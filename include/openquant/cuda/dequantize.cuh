// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/dequantize.hpp>
#include <openquant/cuda/launch.cuh>

namespace openquant::cuda {

/// w <- the decoded codes times their unit, in the basis of the codes, on the stream.
///
/// Shapes:  w : (codes.rows, codes.shape.cols)
/// Errors:  openquant::error for shapes, cuda::error where CUDA refuses
template <DeviceQuantizer Q, Storage Out>
void dequantize(const backend& on, const codes_view<Q>& codes, matrix_view<Out, device> w) {
  const auto kernel = make_dequantize_kernel(codes, w);
  launch(on, kernel, kernel.grid(), "dequantize", " of (", w.rows(), ", ", w.cols(), ") codes");
}

}  // namespace openquant::cuda
