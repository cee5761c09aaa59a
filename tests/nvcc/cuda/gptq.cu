// SPDX-License-Identifier: Apache-2.0
// may use the stack: (fit|panel)_kernel<openquant::quantizer::(lloyd_max|companded|voronoi)
// may use the stack: tile_panel_kernel<openquant::quantizer::trellis<2, 16
#include <openquant/cuda/gptq.cuh>
#include <openquant/equalizer/identity.hpp>
#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>
#include <openquant/rotation/dense.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>

namespace openquant::cuda {

using namespace quantizer;

template <class Q>
using solving = solver_errors(const solver&, const layer_view<Q>&);

template solving<uniform<3>> solve;
template solving<uniform<4>> solve;
template solving<lloyd_max<3>> solve;
template solving<companded<lattice::e8, 3>> solve;
template solving<e8p<2>> solve;
template solving<voronoi<lattice::e8, 14>> solve;
template solving<trellis<2>> solve;
template solving<trellis<2, 16, code::one_mad>> solve;

inline auto front_door(const backend& on, const matrix<float>& w, const openquant::hessian& h) {
  const gptq<uniform<4>, rotation::hadamard, equalizer::smoothquant> method{};
  return method.quantize(on, w, h);
}
inline auto front_door(const backend& on, const device_view<const float>& w,
                       const cuda::hessian& h) {
  const gptq<trellis<2>, rotation::two_sided<rotation::hadamard>> method{
      .options = {.act_order = true}};
  return method.quantize(on, w, h);
}
inline auto front_door(const backend& on, const device_view<const float>& w,
                       const factorization<uniform<4>, rotation::dense, equalizer::identity>& f) {
  return gptq<uniform<4>, rotation::dense>{}.quantize(on, w, f);
}

}  // namespace openquant::cuda
