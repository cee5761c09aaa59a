// SPDX-License-Identifier: Apache-2.0
#include <openquant/quantizer/code/latin.hpp>
#include <openquant/quantizer/trellis.hpp>

#include "llm/methods.hpp"

namespace llm {

namespace {

/// Outputs rotated as well as inputs, so that the 16 rows of a tile are alike, and one factor for
/// the whole matrix in place of scales.
template <int B, int L>
method trellis_tiles() {
  using oq::quantizer::trellis;
  using oq::quantizer::code::latin;
  using both_sides = oq::rotation::two_sided<oq::rotation::hadamard>;
  const std::string states = std::to_string(L);
  return second_order("gptq-both-trellis" + states + "-" + std::to_string(B),
                      "GPTQ, Hadamard on both sides, trellis L = " + states,
                      oq::gptq<trellis<B, L, latin>, both_sides>{
                          .quantizer = {.scaled = false},
                          .rotation = {.input = {.seed = 1}, .output = {.seed = 2}}});
}

}  // namespace

std::vector<method> trellis_methods() {
  return {trellis_tiles<4, 12>(), trellis_tiles<3, 12>(), trellis_tiles<2, 12>(),
          trellis_tiles<4, 16>(), trellis_tiles<3, 16>(), trellis_tiles<2, 16>()};
}

}  // namespace llm
