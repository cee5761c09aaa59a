// SPDX-License-Identifier: Apache-2.0
// may use the stack: leech
#include <openquant/cuda/dequantize.cuh>
#include <openquant/cuda/encode.cuh>
#include <openquant/cuda/multiply.cuh>
#include <openquant/cuda/solve.cuh>
#include <openquant/quantizer/leech_ball.hpp>

namespace openquant::cuda {

using quantizer::leech_ball;
using weights = matrix_view<const float, device>;

template void encode(const backend&, const leech_ball&, const strip_shape<leech_ball>&, weights,
                     weights, matrix_view<std::int32_t, device>);
template void dequantize(const backend&, const codes_view<leech_ball>&, matrix_view<float, device>);
template void multiply(const backend&, const codes_view<leech_ball>&,
                       matrix_view<const float16, device>, matrix_view<float16, device>);
template solver_errors solve(const solver&, const layer_view<leech_ball>&);

}  // namespace openquant::cuda
