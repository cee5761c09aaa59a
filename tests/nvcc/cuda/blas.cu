// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/blas.cuh>

namespace openquant::cuda {

using linalg::op;
using input = device_view<const float>;
using output = device_view<float>;

template void multiply_add<op::none, op::none>(const backend&, float, input, input, float, output);
template void multiply_add<op::none, op::transpose>(const backend&, float, input, input, float,
                                                    output);
template void multiply_add<op::transpose, op::none>(const cublas_handle&, float, input, input,
                                                    float, output);
template void rank_update(const backend&, float, input, float, output);
template void rank_update(const cublas_handle&, float, input, float, output);

}  // namespace openquant::cuda
