// SPDX-License-Identifier: Apache-2.0
// may use the stack: encode_kernel<openquant::quantizer::(voronoi|e8p<[34]>)
#include <openquant/cuda/encode.cuh>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

namespace openquant::cuda {

using namespace quantizer;

using weights = matrix_view<const float, device>;
template <class Q>
using encoding = void(const backend&, const Q&, const strip_shape<Q>&, weights, weights,
                      matrix_view<std::int32_t, device>);

template encoding<uniform<3>> encode;
template encoding<uniform<4>> encode;
template encoding<lloyd_max<3>> encode;
template encoding<companded<lattice::e8, 3>> encode;
template encoding<companded<lattice::d_plus<12>, 3>> encode;
template encoding<e8p<2>> encode;
template encoding<e8p<3>> encode;
template encoding<e8p<4>> encode;
template encoding<voronoi<lattice::e8, 14>> encode;

}  // namespace openquant::cuda
