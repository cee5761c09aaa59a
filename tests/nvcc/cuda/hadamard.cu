// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/hadamard.cuh>

namespace openquant::cuda {

template <class T>
using input = matrix_view<const T, device>;
template <class T>
using output = matrix_view<T, device>;

template void hadamard(const backend&, input<float>, output<float>, index_t, factors, factors);
template void hadamard(const backend&, input<float16>, output<float16>, index_t, factors, factors);
template void hadamard(const backend&, input<bfloat16>, output<bfloat16>, index_t, factors,
                       factors);

}  // namespace openquant::cuda
