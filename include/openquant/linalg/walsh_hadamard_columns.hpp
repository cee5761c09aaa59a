// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstddef>

#include <openquant/core/contract.hpp>
#include <openquant/core/simd.hpp>

namespace openquant::linalg {

/// X <- H X for as many vectors as lanes, side by side: coordinate j of lane l is x[j lanes + l]; H
/// is Sylvester's matrix of order n, a power of two. The additions are those of `walsh_hadamard` in
/// its order, in loops that are short to compile; they run longer.
///
/// Shapes:  X : (n, lanes), rows one after the other
/// Cost:    n log2 n additions in registers, two levels a pass; parts of 256 coordinates are
///          finished while they are in the nearest cache
template <Lane Lanes>
void walsh_hadamard_columns(float* x, index_t n) {
  constexpr index_t lanes = lane_count<Lanes>, near = 256;
  OPENQUANT_EXPECTS(n > 0 && std::has_single_bit(static_cast<std::size_t>(n)));
  index_t h = 1;
  if (n > near) {
    h = n / 4;
    for (index_t part = 0; part < 4; ++part) {
      walsh_hadamard_columns<Lanes>(x + part * h * lanes, h);
    }
  }
  for (; 4 * h <= n; h *= 4) {  // the levels h and 2 h
    const index_t step = h * lanes;
    for (index_t i = 0; i < n * lanes; i += 4 * step) {
      for (float* at = x + i; at < x + i + step; at += lanes) {
        const Lanes a = load<Lanes>(at), b = load<Lanes>(at + step);
        const Lanes c = load<Lanes>(at + 2 * step), d = load<Lanes>(at + 3 * step);
        const Lanes left[2] = {a + b, a - b}, right[2] = {c + d, c - d};
        store(left[0] + right[0], at);
        store(left[1] + right[1], at + step);
        store(left[0] - right[0], at + 2 * step);
        store(left[1] - right[1], at + 3 * step);
      }
    }
  }
  if (2 * h == n) {
    const index_t step = h * lanes;
    for (float* at = x; at < x + step; at += lanes) {
      const Lanes a = load<Lanes>(at), b = load<Lanes>(at + step);
      store(a + b, at);
      store(a - b, at + step);
    }
  }
}

}  // namespace openquant::linalg
