// SPDX-License-Identifier: Apache-2.0
#include "cuda/oracle.hpp"

#include <array>
#include <vector>

#include <openquant/equalizer/identity.hpp>
#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/layer/round_to_nearest.hpp>
#include <openquant/linalg/hadamard.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>

#include "cuda/scalar_codes.hpp"
#include "layer/random_codes.hpp"

namespace openquant::test {

void walsh_hadamard_oracle(std::span<float> x, float before, float after) {
  linalg::walsh_hadamard_scalar(x, linalg::scaled{before}, linalg::scaled{after});
}

void hadamard_oracle(matrix_view<float> x) {
  const std::vector<float> ones(static_cast<std::size_t>(x.cols()), 1.0f);
  linalg::hadamard_transform(x.cols()).apply_between(x, ones, ones);
}

template <class Q>
codes_case make_codes_case(index_t m, const strip_shape<Q>& shape) {
  const Q q{};
  const packed_codes packed = random_codes(q, m, shape, 3);
  return {packed.codes, packed.scales, decoded(q, packed, shape)};
}

template <class Q>
encoded_case make_encoded_case(index_t m, const strip_shape<Q>& shape) {
  const Q q{};
  const matrix<float> w = encoder_weights(m, shape);
  const host_strips<Q> strips(q, scalar_codes(q, w, {}, shape), shape);
  return {w, strips.scales, strips.words};
}

using namespace quantizer;
template encoded_case make_encoded_case(index_t, const strip_shape<uniform<4>>&);
template encoded_case make_encoded_case(index_t, const strip_shape<lloyd_max<3>>&);
template encoded_case make_encoded_case(index_t, const strip_shape<e8p<2>>&);
template encoded_case make_encoded_case(index_t, const strip_shape<trellis<2>>&);
template encoded_case make_encoded_case(index_t, const strip_shape<companded<lattice::e8, 3>>&);
template encoded_case make_encoded_case(index_t, const strip_shape<voronoi<lattice::e8, 14>>&);
template codes_case make_codes_case(index_t, const strip_shape<uniform<4>>&);
template codes_case make_codes_case(index_t, const strip_shape<lloyd_max<3>>&);
template codes_case make_codes_case(index_t, const strip_shape<e8p<2>>&);
template codes_case make_codes_case(index_t, const strip_shape<trellis<2>>&);

template <int L>
matrix<std::uint8_t> viterbi_oracle(std::span<const std::int16_t> value,
                                    const matrix<std::int16_t>& x) {
  using search = viterbi<2, L, 256>;
  matrix<std::uint8_t> symbols(x.rows(), 256);
  typename search::workspace memory;
  std::array<std::uint32_t, 256> path;
  for (index_t i = 0; i < x.rows(); ++i) {
    search::template closed_path<plain16<1>>(
        value.data(), std::span<const std::int16_t, 256>(&x(i, 0), 256), path, memory);
    for (index_t t = 0; t < 256; ++t) {
      symbols(i, t) = static_cast<std::uint8_t>(path[static_cast<std::size_t>(t)] % 4);
    }
  }
  return symbols;
}
template matrix<std::uint8_t> viterbi_oracle<12>(std::span<const std::int16_t>,
                                                 const matrix<std::int16_t>&);
template matrix<std::uint8_t> viterbi_oracle<16>(std::span<const std::int16_t>,
                                                 const matrix<std::int16_t>&);

template <Quantizer Q, Rotation R, Equalizer E>
quantized<Q, R, E> gptq_oracle(const gptq<Q, R, E>& method, const matrix<float>& w,
                               const hessian& h) {
  return method.template quantize<baseline_arch>(w, h);
}
template <class Q, class R, class E = equalizer::identity>
using gptq_case = quantized<Q, R, E>(const gptq<Q, R, E>&, const matrix<float>&, const hessian&);
template gptq_case<uniform<4>, rotation::identity> gptq_oracle;
template gptq_case<uniform<3>, rotation::hadamard> gptq_oracle;
template gptq_case<lloyd_max<2>, rotation::identity> gptq_oracle;
template gptq_case<trellis<2>, rotation::identity> gptq_oracle;
template gptq_case<companded<lattice::e8, 3>, rotation::identity> gptq_oracle;
template gptq_case<e8p<2>, rotation::identity> gptq_oracle;
template gptq_case<voronoi<lattice::e8, 14>, rotation::identity> gptq_oracle;
template gptq_case<leech_ball, rotation::identity> gptq_oracle;
template gptq_case<uniform<3>, rotation::two_sided<rotation::hadamard>, equalizer::smoothquant>
    gptq_oracle;

template <Quantizer Q, Rotation R, Equalizer E>
quantized<Q, R, E> rounding_oracle(const gptq<Q, R, E>& method, const matrix<float>& w,
                                   const hessian& h) {
  const round_to_nearest<Q, R, E> rounding{
      method.quantizer, method.rotation, method.equalizer, {method.options.group_size}};
  return rounding.template quantize<baseline_arch>(w, h);
}
template gptq_case<uniform<4>, rotation::identity> rounding_oracle;
template gptq_case<lloyd_max<2>, rotation::identity> rounding_oracle;
template gptq_case<companded<lattice::e8, 3>, rotation::identity> rounding_oracle;
template gptq_case<e8p<2>, rotation::identity> rounding_oracle;
template gptq_case<trellis<2>, rotation::identity> rounding_oracle;
template gptq_case<uniform<3>, rotation::hadamard> rounding_oracle;

template <Quantizer Q, Rotation R, Equalizer E>
product_case<Q, R, E> product_oracle(const R& r, const product_options& of) {
  return make_product_case<baseline_arch, Q, R, E>(r, of);
}
template <class Q, class R, class E>
using product_of = product_case<Q, R, E>(const R&, const product_options&);
using two_hadamards = rotation::two_sided<rotation::hadamard>;
template product_of<uniform<4>, rotation::identity, equalizer::identity> product_oracle;
template product_of<uniform<4>, rotation::hadamard, equalizer::smoothquant> product_oracle;
template product_of<uniform<4>, two_hadamards, equalizer::identity> product_oracle;
template product_of<e8p<2>, rotation::hadamard, equalizer::identity> product_oracle;
template product_of<trellis<2>, rotation::block_hadamard<32>, equalizer::identity> product_oracle;

}  // namespace openquant::test
