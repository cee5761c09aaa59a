// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>

#include <openquant/core/bit_pack.hpp>
#include <openquant/layer/gptq.hpp>
#include <openquant/layer/strip.hpp>

#include "cuda/product_case.hpp"

/// What the CPU's half of the library answers, for tests that nvcc compiles: it is compiled beside
/// them, by the host's compiler.
namespace openquant::test {

/// x <- after H before x.
void walsh_hadamard_oracle(std::span<float> x, float before, float after);
/// x <- n^1/2 H x for each row of n numbers, H that of `linalg::hadamard_transform`.
void hadamard_oracle(matrix_view<float> x);

/// Random codes and scales of an (m, n) matrix, and what they decode to: for uniform<4>,
/// lloyd_max<3>, e8p<2> and trellis<2>.
struct codes_case {
  bit_matrix codes, scales;
  matrix<float> w;
};
template <class Q>
codes_case make_codes_case(index_t m, const strip_shape<Q>& shape);

/// Weights of an (m, n) matrix, n whole blocks, and the strips of their codes and scales: for
/// uniform<4>, lloyd_max<3>, e8p<2>, trellis<2>, companded<e8, 3> and voronoi<e8, 14>.
struct encoded_case {
  matrix<float> w, scales;
  matrix<std::int32_t> words;
};
template <class Q>
encoded_case make_encoded_case(index_t m, const strip_shape<Q>& shape);

/// The symbols of `viterbi<2, L, 256>` for each row of x, for L = 12 and 16.
template <int L>
matrix<std::uint8_t> viterbi_oracle(std::span<const std::int16_t> value,
                                    const matrix<std::int16_t>& x);

/// method.quantize(w, h) on the CPU, for the methods of gptq_test.cu.
template <Quantizer Q, Rotation R, Equalizer E>
quantized<Q, R, E> gptq_oracle(const gptq<Q, R, E>& method, const matrix<float>& w,
                               const hessian& h);
/// The same without feedback, for the methods of solve_test.cu.
template <Quantizer Q, Rotation R, Equalizer E>
quantized<Q, R, E> rounding_oracle(const gptq<Q, R, E>& method, const matrix<float>& w,
                                   const hessian& h);

/// `make_product_case` on the CPU, for the cases of multiplier_test.cu.
template <Quantizer Q, Rotation R, Equalizer E>
product_case<Q, R, E> product_oracle(const R& r, const product_options& of);

}  // namespace openquant::test
