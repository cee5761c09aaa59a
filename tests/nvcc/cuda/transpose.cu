// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/launch.cuh>
#include <openquant/cuda/transpose.hpp>

namespace openquant::cuda {

template void launch(const backend&, const transpose_kernel&, index_t, const char*);

}  // namespace openquant::cuda
