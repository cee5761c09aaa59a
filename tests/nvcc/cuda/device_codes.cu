// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/device_codes.cuh>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

namespace openquant::cuda {

template class device_codes<quantizer::uniform<4>>;
template class device_codes<quantizer::trellis<2>>;

}  // namespace openquant::cuda
