// SPDX-License-Identifier: Apache-2.0
// may use the stack: viterbi_kernel<[34], 16,
#include <openquant/cuda/viterbi.cuh>

namespace openquant::cuda {

using fixed = matrix_view<const std::int16_t, device>;
using symbols = matrix_view<std::uint8_t, device>;
using words = matrix_view<std::uint32_t, device>;

template void viterbi<1, 12, 256>(const backend&, fixed, fixed, symbols, words);
template void viterbi<2, 12, 256>(const backend&, fixed, fixed, symbols, words);
template void viterbi<3, 12, 256>(const backend&, fixed, fixed, symbols, words);
template void viterbi<4, 12, 256>(const backend&, fixed, fixed, symbols, words);
template void viterbi<2, 10, 256>(const backend&, fixed, fixed, symbols, words);
template void viterbi<1, 16, 256>(const backend&, fixed, fixed, symbols, words);
template void viterbi<2, 16, 256>(const backend&, fixed, fixed, symbols, words);
template void viterbi<3, 16, 256>(const backend&, fixed, fixed, symbols, words);
template void viterbi<4, 16, 256>(const backend&, fixed, fixed, symbols, words);

}  // namespace openquant::cuda
