// SPDX-License-Identifier: Apache-2.0
// may use the stack: e8p<3>|multiply_kernel<openquant::quantizer::voronoi
#include <openquant/cuda/multiply.cuh>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/voronoi.hpp>

namespace openquant::cuda {

using namespace quantizer;

template <class Q, class T>
using product = void(const backend&, const codes_view<Q>&, matrix_view<const T, device>,
                     matrix_view<T, device>);

template product<companded<lattice::e8, 3>, float16> multiply;
template product<e8p<2>, float16> multiply;
template product<e8p<3>, float16> multiply;
template product<e8p<4>, float16> multiply;
template product<voronoi<lattice::e8, 14>, float16> multiply;

}  // namespace openquant::cuda
