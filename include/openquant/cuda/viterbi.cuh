// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/launch.cuh>
#include <openquant/cuda/viterbi.hpp>

namespace openquant::cuda {

/// The symbols of the cheapest closed path for each row of x, those of
/// `quantizer::viterbi<B, L, T>::closed_path`, on the stream.
///
/// Shapes:  value : (1, 2^L), x : (sequences, T), symbols : (sequences, T);
///          workspace : (blocks, viterbi_workspace<B, L, T>), as many blocks as are to work at a
///          time, or none up to L = 12; not in use by other work while this runs
/// Errors:  openquant::error for shapes, cuda::error where CUDA refuses
template <int B, int L, index_t T>
void viterbi(const backend& on, matrix_view<const std::int16_t, device> value,
             matrix_view<const std::int16_t, device> x, matrix_view<std::uint8_t, device> symbols,
             matrix_view<std::uint32_t, device> workspace = {}) {
  const auto kernel = make_viterbi_kernel<B, L, T>(value, x, symbols, workspace);
  launch(on, kernel, kernel.grid(), "viterbi", " of ", x.rows(), " sequences of ", T, " steps");
}

}  // namespace openquant::cuda
