// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/kronecker_hadamard.cuh>

namespace openquant::cuda {

template <class T>
using transform = void(const backend&, matrix_view<const T, device>, matrix_view<T, device>,
                       index_t, matrix_view<const std::uint16_t, device>, factors, factors);

template transform<float> hadamard;
template transform<float16> hadamard;
template transform<bfloat16> hadamard;

}  // namespace openquant::cuda
