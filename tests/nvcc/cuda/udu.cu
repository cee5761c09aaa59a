// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/udu.cuh>

namespace openquant::cuda {

std::optional<index_t> factored(const backend& on, device_view<const float> h, index_t block,
                                device_view<float> u) {
  return factor_udu(on, h, 0.01, block, u);
}

}  // namespace openquant::cuda
