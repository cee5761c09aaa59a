// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/dequantize.cuh>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>

namespace openquant::cuda {

using namespace quantizer;

template <class Q, class T>
using decoder = void(const backend&, const codes_view<Q>&, matrix_view<T, device>);

template decoder<uniform<1>, float> dequantize;
template decoder<uniform<2>, float> dequantize;
template decoder<uniform<3>, float> dequantize;
template decoder<uniform<4>, float> dequantize;
template decoder<uniform<4>, float16> dequantize;
template decoder<uniform<4>, bfloat16> dequantize;
template decoder<uniform<8>, float> dequantize;
template decoder<lloyd_max<2>, float> dequantize;
template decoder<lloyd_max<3>, float> dequantize;
template decoder<lloyd_max<4>, float> dequantize;
template decoder<companded<lattice::e8, 3>, float> dequantize;
template decoder<companded<lattice::d_plus<12>, 4>, float> dequantize;
template decoder<e8p<2>, float> dequantize;
template decoder<e8p<3>, float> dequantize;
template decoder<e8p<4>, float> dequantize;
template decoder<voronoi<lattice::e8, 14>, float> dequantize;
template decoder<trellis<2>, float> dequantize;
template decoder<trellis<4>, float> dequantize;
template decoder<trellis<2, 16>, float> dequantize;
template decoder<trellis<2, 16, code::one_mad>, float> dequantize;
template decoder<trellis<3, 16, code::three_inst>, float> dequantize;

}  // namespace openquant::cuda
