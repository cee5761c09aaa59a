// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/multiply.cuh>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>

namespace openquant::cuda {

using namespace quantizer;

template <class Q, class T>
using product = void(const backend&, const codes_view<Q>&, matrix_view<const T, device>,
                     matrix_view<T, device>);

template product<uniform<4>, float16> multiply;
template product<uniform<4>, bfloat16> multiply;
template product<uniform<4>, float> multiply;
template product<uniform<3>, float16> multiply;
template product<lloyd_max<4>, float16> multiply;
template product<lloyd_max<3>, float16> multiply;

}  // namespace openquant::cuda
