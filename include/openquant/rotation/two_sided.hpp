// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <tuple>

#include <openquant/concepts/rotation.hpp>

namespace openquant::rotation {

/// One rotation for the inputs and one for the outputs: W <- R_out W R_in^T. Rows of the result are
/// mixtures of all rows, so their magnitudes are alike and one scale can serve the whole matrix.
/// The H-weighted error is the same on both sides of R_out, so only what is quantized changes.
///
/// Shapes:  any (m, n) of which In takes n and Out takes m
/// Bits:    those of both, two seeds for Hadamard transforms
/// Source:  Chee et al., "QuIP", NeurIPS 2023, Sec. 4 (incoherence on both sides)
template <Rotation In, Rotation Out = In>
struct two_sided {
  In input{};
  Out output{};

  static std::string name() { return "two_sided<" + In::name() + ", " + Out::name() + ">"; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.input, self.output);
  }
  index_t stored_bits(index_t n) const { return input.stored_bits(n); }
  index_t stored_output_bits(index_t m) const { return output.stored_bits(m); }
  auto bind(index_t n) const { return input.bind(n); }
  auto bind_outputs(index_t m) const { return output.bind(m); }
};

}  // namespace openquant::rotation
