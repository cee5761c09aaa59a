// SPDX-License-Identifier: Apache-2.0
// may use the stack: fit_kernel<openquant::quantizer::(lloyd_max|companded|voronoi)
#include <openquant/cuda/fit.cuh>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

namespace openquant::cuda {

using namespace quantizer;

using weights = matrix_view<const float, device>;
template <class Q>
using fitting = void(const backend&, const Q&, const strip_shape<Q>&, weights, weights,
                     matrix_view<float, device>);

template fitting<uniform<4>> fit;
template fitting<lloyd_max<3>> fit;
template fitting<companded<lattice::e8, 3>> fit;
template fitting<companded<lattice::d_plus<12>, 3>> fit;
template fitting<e8p<2>> fit;
template fitting<e8p<3>> fit;
template fitting<voronoi<lattice::e8, 14>> fit;
template fitting<trellis<2>> fit;

}  // namespace openquant::cuda
