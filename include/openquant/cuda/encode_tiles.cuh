// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/encode_tiles.hpp>
#include <openquant/cuda/launch.cuh>

namespace openquant::cuda {

/// words <- the codes of w under their scales by a trellis, those of `openquant::round_to_nearest`
/// for weights over the same unit, on the stream.
///
/// Shapes:  w : (m, n'), n' = shape.padded_cols(), a last tile filled up with zeros;
///          scales : (ceil(m / 16), shape.scales()), words : (ceil(m / 16), shape.words());
///          value : (1, 2^L), a copy of Q::search_values();
///          workspace : (blocks, encode_tiles_workspace<Q>), as many blocks as are to work at a
///          time, or none up to L = 12; not in use by other work while this runs
/// Errors:  openquant::error for shapes, cuda::error where CUDA refuses
template <TrellisQuantizer Q>
void encode_tiles(const backend& on, const Q& q, const strip_shape<Q>& shape,
                  matrix_view<const float, device> w, matrix_view<const float, device> scales,
                  matrix_view<const std::int16_t, device> value,
                  matrix_view<std::int32_t, device> words,
                  matrix_view<std::uint32_t, device> workspace = {}) {
  const auto kernel = make_encode_tiles_kernel(q, shape, w, scales, value, words, workspace);
  launch(on, kernel, kernel.grid(), "encode_tiles", " of (", w.rows(), ", ", w.cols(), ") weights");
}

}  // namespace openquant::cuda
