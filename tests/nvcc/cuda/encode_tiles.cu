// SPDX-License-Identifier: Apache-2.0
// may use the stack: encode_tiles_kernel<openquant::quantizer::trellis<[124], 16,
#include <openquant/cuda/encode_tiles.cuh>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/trellis.hpp>

namespace openquant::cuda {

using namespace quantizer;

using weights = matrix_view<const float, device>;
template <class Q>
using encoding = void(const backend&, const Q&, const strip_shape<Q>&, weights, weights,
                      matrix_view<const std::int16_t, device>, matrix_view<std::int32_t, device>,
                      matrix_view<std::uint32_t, device>);

template encoding<trellis<2>> encode_tiles;
template encoding<trellis<3>> encode_tiles;
template encoding<trellis<1, 16>> encode_tiles;
template encoding<trellis<2, 16>> encode_tiles;
template encoding<trellis<4, 16>> encode_tiles;
template encoding<trellis<2, 16, code::one_mad>> encode_tiles;

}  // namespace openquant::cuda
