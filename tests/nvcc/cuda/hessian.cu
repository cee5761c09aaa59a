// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/hessian.cuh>

namespace openquant::cuda {

template void hessian::add(device_view<const float>);
template void hessian::add(device_view<const float16>);
template void hessian::add(device_view<const openquant::bfloat16>);

device_matrix<float> mean_of(const hessian& h) { return h.mean(); }

}  // namespace openquant::cuda
