// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <openquant/lattice/d_plus.hpp>

namespace openquant::lattice {

/// E8 = D_8+, the densest lattice in eight dimensions: unimodular, 240 vectors of squared length 2.
///
/// Second moment: 929/12960 = .071682 a dimension, 0.65 dB below Z's
/// Cost:          two decodings of D_8 and two distances
/// Source:        Conway & Sloane, IEEE Trans. Inf. Theory 28(2), 1982, Secs. V and VII
struct e8 : d_plus<8> {
  static std::string name() { return "e8"; }
};

}  // namespace openquant::lattice
