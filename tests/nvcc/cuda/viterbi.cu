// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/viterbi.cuh>

namespace openquant::cuda {

using fixed = matrix_view<const std::int16_t, device>;
using symbols = matrix_view<std::uint8_t, device>;

template void viterbi<1, 12, 256>(const backend&, fixed, fixed, symbols);
template void viterbi<2, 12, 256>(const backend&, fixed, fixed, symbols);
template void viterbi<3, 12, 256>(const backend&, fixed, fixed, symbols);
template void viterbi<4, 12, 256>(const backend&, fixed, fixed, symbols);
template void viterbi<2, 10, 256>(const backend&, fixed, fixed, symbols);

}  // namespace openquant::cuda
