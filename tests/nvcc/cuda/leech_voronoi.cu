// SPDX-License-Identifier: Apache-2.0
// may use the stack: leech
#include <openquant/cuda/dequantize.cuh>
#include <openquant/cuda/encode.cuh>
#include <openquant/cuda/multiply.cuh>
#include <openquant/cuda/solve.cuh>
#include <openquant/quantizer/voronoi.hpp>

namespace openquant::cuda {

using code = quantizer::voronoi<lattice::leech, 14>;
using weights = matrix_view<const float, device>;

template void encode(const backend&, const code&, const strip_shape<code>&, weights, weights,
                     matrix_view<std::int32_t, device>);
template void dequantize(const backend&, const codes_view<code>&, matrix_view<float, device>);
template void multiply(const backend&, const codes_view<code>&, matrix_view<const float16, device>,
                       matrix_view<float16, device>);
template solver_errors solve(const solver&, const layer_view<code>&);

}  // namespace openquant::cuda
