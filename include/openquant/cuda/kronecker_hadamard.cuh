// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/kronecker_hadamard.hpp>
#include <openquant/cuda/launch.cuh>

namespace openquant::cuda {

/// y <- diag(after) (H_m x H_p) diag(before) x for each block of n = m p columns of each row, on
/// the stream, H_m given by its signs and H_p Sylvester's; not normalised. With the transposed H_m,
/// and `before` and `after` exchanged, it is the inverse. x and y may be the same matrix.
///
/// Shapes:  x, y : (rows, cols), cols a multiple of n = m 2^k, at most 32768, with m = 12, 16, ...,
///          256 and k <= 11; signs : (m / 4, m / 4), as `sign_bits` has them; where they are given,
///          before.d and after.d : (cols)
/// Errors:  openquant::error for shapes, cuda::error where CUDA refuses
template <Storage In, Storage Out>
void hadamard(const backend& on, matrix_view<const In, device> x, matrix_view<Out, device> y,
              index_t n, matrix_view<const std::uint16_t, device> signs, factors before,
              factors after) {
  with_hadamard_kernel(x, y, n, signs, before, after, [&](const auto& kernel) {
    launch(on, kernel, kernel.grid(), "hadamard", " of order ", n, " of x (", x.rows(), ", ",
           x.cols(), ")");
  });
}

}  // namespace openquant::cuda
