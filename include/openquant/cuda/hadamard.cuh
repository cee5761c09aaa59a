// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/hadamard.hpp>
#include <openquant/cuda/launch.cuh>

namespace openquant::cuda {

/// y <- diag(after) H diag(before) x for each block of n columns of each row, on the stream. H is
/// Sylvester's matrix, not normalised: put n^-1/2 in `before` or `after`, beside the signs. x and y
/// may be the same matrix.
///
/// Shapes:  x, y : (rows, cols), cols a multiple of n, a power of two from 2 to 16384; where they
///          are given, before.d and after.d : (cols)
/// Errors:  openquant::error for shapes, cuda::error where CUDA refuses
template <Storage In, Storage Out>
void hadamard(const backend& on, matrix_view<const In, device> x, matrix_view<Out, device> y,
              index_t n, factors before, factors after) {
  with_hadamard_kernel(x, y, n, before, after, [&](const auto& kernel) {
    launch(on, kernel, kernel.grid(), "hadamard", " of order ", n, " of x (", x.rows(), ", ",
           x.cols(), ")");
  });
}

}  // namespace openquant::cuda
