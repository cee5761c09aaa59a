// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/multiply.cuh>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/trellis.hpp>

namespace openquant::cuda {

using namespace quantizer;

template <class Q, class T>
using product = void(const backend&, const codes_view<Q>&, matrix_view<const T, device>,
                     matrix_view<T, device>);

template product<trellis<2>, float16> multiply;
template product<trellis<4>, float16> multiply;
template product<trellis<2, 16>, float16> multiply;
template product<trellis<2, 16, code::one_mad>, float16> multiply;
template product<trellis<3, 16, code::three_inst>, float16> multiply;

}  // namespace openquant::cuda
