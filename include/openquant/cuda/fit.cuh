// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/fit.hpp>
#include <openquant/cuda/launch.cuh>

namespace openquant::cuda {

/// scales <- the stored scales of every group of every row of w, on the stream: what
/// `round_to_nearest` stores for weights over the same unit.
///
/// Shapes:  w : (m, n'), n' = shape.padded_cols(), a last block filled up with zeros;
///          importance : (1, n'), 0 where filled up, or none, and all count the same;
///          scales : (ceil(m / 16), shape.scales())
/// Errors:  openquant::error for shapes, cuda::error where CUDA refuses
template <DeviceQuantizer Q>
void fit(const backend& on, const Q& q, const strip_shape<Q>& shape,
         matrix_view<const float, device> w, matrix_view<const float, device> importance,
         matrix_view<float, device> scales) {
  const auto kernel = make_fit_kernel(q, shape, w, importance, scales);
  launch(on, kernel, kernel.grid(), "fit", " of (", w.rows(), ", ", w.cols(), ") weights");
}

}  // namespace openquant::cuda
