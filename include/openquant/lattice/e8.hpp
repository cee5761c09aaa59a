// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <openquant/lattice/d_plus.hpp>

namespace openquant::lattice {

/// E8 = D_8+, the densest lattice in eight dimensions: unimodular, 240 vectors of squared length 2.
///
/// Second moment: 929/12960 = .071682 a dimension, 0.65 dB below Z's
/// Cost:          that of d_plus
/// Source:        Conway & Sloane, IEEE Trans. Inf. Theory 28(2), 1982, Secs. V and VII
struct e8 : d_plus<8> {
  static std::string name() { return "e8"; }

  /// The largest <x, v> of the 240 vectors v of squared length 2: x is in the Voronoi cell of r E8,
  /// whose facets are those of r v, where this is at most r.
  /// Cost: about 75 lane operations
  template <class T>
  OPENQUANT_HD OPENQUANT_INLINE static T gauge(const vec<T, 8>& x) {
    vec<T, 8> y;
    T negatives = T(0.0f);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 8; ++i) {
      y[i] = abs(x[i]);
      negatives = negatives + select(x[i] < T(0.0f), T(1.0f), T(0.0f));
    }
    vec<T, 4> first, second, sum, least;  // the largest two of pairs, then of fours and of all
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 4; ++i) {
      first[i] = max(y[i], y[i + 4]);
      second[i] = least[i] = min(y[i], y[i + 4]);
      sum[i] = y[i] + y[i + 4];
    }
    OPENQUANT_UNROLL
    for (index_t width = 2; width > 0; width /= 2) {
      OPENQUANT_UNROLL
      for (index_t i = 0; i < width; ++i) {
        const T next = min(first[i], first[i + width]);
        first[i] = max(first[i], first[i + width]);
        second[i] = max(next, max(second[i], second[i + width]));
        least[i] = min(least[i], least[i + width]);
        sum[i] = sum[i] + sum[i + width];
      }
    }
    // +-e_i +- e_j, and (+-1/2, ..., +-1/2) with an even number of minus signs.
    const T half = negatives * T(0.5f);
    const T unpaired = select(round_even(half) == half, T(0.0f), least[0]);
    return max(first[0] + second[0], sum[0] * T(0.5f) - unpaired);
  }
};

}  // namespace openquant::lattice
