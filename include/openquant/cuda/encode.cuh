// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/encode.hpp>
#include <openquant/cuda/launch.cuh>

namespace openquant::cuda {

/// words <- the codes of w under their scales, those of `openquant::round_to_nearest` for weights
/// over the same unit, on the stream. For quantizers of points; `encode_tiles` is for trellises.
///
/// Shapes:  w : (m, n'), n' = shape.padded_cols(), a last block filled up with zeros;
///          scales : (ceil(m / 16), shape.scales()), words : (ceil(m / 16), shape.words())
/// Errors:  openquant::error for shapes, cuda::error where CUDA refuses
template <DeviceQuantizer Q>
requires PointQuantizer<Q>
void encode(const backend& on, const Q& q, const strip_shape<Q>& shape,
            matrix_view<const float, device> w, matrix_view<const float, device> scales,
            matrix_view<std::int32_t, device> words) {
  const auto kernel = make_encode_kernel(q, shape, w, scales, words);
  launch(on, kernel, kernel.grid(), "encode", " of (", w.rows(), ", ", w.cols(), ") weights");
}

}  // namespace openquant::cuda
