// SPDX-License-Identifier: Apache-2.0
#include <openquant/cuda/multiplier.cuh>
#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>

namespace openquant::cuda {

using namespace quantizer;
using rotation::hadamard;

template class multiplier<uniform<4>, hadamard>;
template class multiplier<uniform<4>, rotation::identity>;
template class multiplier<e8p<2>, rotation::two_sided<hadamard>>;

template <class Q, class R>
using source = quantized<Q, R, equalizer::smoothquant>;
template multiplier<uniform<4>, hadamard>::multiplier(const backend&,
                                                      const source<uniform<4>, hadamard>&);

template <class T>
using in = device_view<const T>;
template <class T>
using out = device_view<T>;
template void multiplier<uniform<4>, hadamard>::multiply(const backend&, in<float16>, out<float16>,
                                                         out<float16>) const;
template void multiplier<uniform<4>, rotation::identity>::multiply(const backend&, in<bfloat16>,
                                                                   out<bfloat16>,
                                                                   out<bfloat16>) const;
template void multiplier<e8p<2>, rotation::two_sided<hadamard>>::multiply(const backend&,
                                                                          in<float16>, out<float16>,
                                                                          out<float16>) const;

}  // namespace openquant::cuda
