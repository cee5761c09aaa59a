// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <span>
#include <type_traits>

#include <openquant/core/contract.hpp>
#include <openquant/core/simd.hpp>

namespace openquant::linalg {

/// What the coordinates of a row are multiplied by on their way in or out of a transform:
/// nothing, one number, or a diagonal of numbers (signs, and their scale).
struct unscaled {
  unscaled from(index_t) const { return {}; }
  template <class T>
  T times(T x, index_t) const {
    return x;
  }
};
struct scaled {
  float by;
  scaled from(index_t) const { return *this; }
  template <class T>
  T times(T x, index_t) const {
    return x * T(by);
  }
};
struct diagonal {
  const float* d;
  diagonal from(index_t i) const { return {d + i}; }  ///< of the row that begins at i
  template <class T>
  T times(T x, index_t i) const {
    return x * load<T>(d + i);
  }
};

/// x <- After H Before x, where H is Sylvester's matrix of order n, a power of two: one coordinate
/// after the other. `walsh_hadamard` does the same additions in the same order; this is its oracle,
/// and what it uses for rows shorter than a register.
///
/// Cost:    n log2 n additions
template <class Before = unscaled, class After = unscaled>
void walsh_hadamard_scalar(std::span<float> x, Before before = {}, After after = {}) {
  const auto n = static_cast<index_t>(x.size());
  float* const p = x.data();
  for (index_t i = 0; i < n; ++i) p[i] = before.times(p[i], i);
  for (index_t h = 1; h < n; h *= 2) {
    for (index_t i = 0; i < n; i += 2 * h) {
      for (index_t j = i; j < i + h; ++j) {
        const float a = p[j], b = p[j + h];
        p[j] = a + b;
        p[j + h] = a - b;
      }
    }
  }
  for (index_t i = 0; i < n; ++i) p[i] = after.times(p[i], i);
}

/// One pass of the transform: r registers, `stride` floats apart, are loaded, transformed among
/// each other and stored. The first pass also transforms each register inside.
template <index_t r, bool first, class Lanes, class Before, class After>
void walsh_hadamard_pass(float* x, index_t at, index_t stride, Before before, After after) {
  constexpr index_t lanes = lane_count<Lanes>;
  if constexpr (first) stride = lanes;  // offsets known to the compiler
  x += at;
  before = before.from(at);
  after = after.from(at);
  Lanes v[r];
  OPENQUANT_UNROLL_REGISTERS
  for (index_t k = 0; k < r; ++k) {
    const index_t i = k * stride;
    v[k] = before.times(load<Lanes>(x + i), i);
    if constexpr (first) {
      if constexpr (lanes > 1) v[k] = butterfly<1>(v[k]);
      if constexpr (lanes > 2) v[k] = butterfly<2>(v[k]);
      if constexpr (lanes > 4) v[k] = butterfly<4>(v[k]);
      if constexpr (lanes > 8) v[k] = butterfly<8>(v[k]);
      static_assert(lanes <= 16);
    }
  }
  OPENQUANT_UNROLL_REGISTERS
  for (index_t h = 1; h < r; h *= 2) {
    OPENQUANT_UNROLL_REGISTERS
    for (index_t k = 0; k < r / 2; ++k) {
      const index_t i = k / h * 2 * h + k % h;
      const Lanes a = v[i], b = v[i + h];
      v[i] = a + b;
      v[i + h] = a - b;
    }
  }
  OPENQUANT_UNROLL_REGISTERS
  for (index_t k = 0; k < r; ++k) {
    const index_t i = k * stride;
    store(after.times(v[k], i), x + i);
  }
}

/// x <- After H Before x in registers, in as few passes over the row as they allow: on AVX-512 one
/// up to n = 256, two up to 4096. Before is applied in the first and After in the last of them.
/// Every Lanes gives the same bits.
///
/// Cost:    n log2 n additions
/// Source:  Fino & Algazi, IEEE Trans. Comput. C-25, 1976, for the decomposition
template <Lane Lanes, class Before = unscaled, class After = unscaled>
void walsh_hadamard(std::span<float> row, Before before = {}, After after = {}) {
  OPENQUANT_EXPECTS(std::has_single_bit(row.size()));
  constexpr index_t lanes = lane_count<Lanes>;
  constexpr index_t radix = lanes == 16 ? 16 : 8;  // leaves some of the registers for constants
  constexpr index_t block = radix * lanes;
  const auto n = static_cast<index_t>(row.size());
  float* const x = row.data();
  if (n < lanes) return walsh_hadamard_scalar(row, before, after);
  switch (n / lanes) {
    case 1:
      return walsh_hadamard_pass<1, true, Lanes>(x, 0, lanes, before, after);
    case 2:
      return walsh_hadamard_pass<2, true, Lanes>(x, 0, lanes, before, after);
    case 4:
      return walsh_hadamard_pass<4, true, Lanes>(x, 0, lanes, before, after);
    case 8:
      return walsh_hadamard_pass<8, true, Lanes>(x, 0, lanes, before, after);
    case radix == 8 ? 0:
    radix:
      return walsh_hadamard_pass<radix, true, Lanes>(x, 0, lanes, before, after);
    default:
      break;
  }
  for (index_t i = 0; i < n; i += block) {
    walsh_hadamard_pass<radix, true, Lanes>(x, i, lanes, before, unscaled{});
  }
  index_t h = block;
  for (; n / h > radix; h *= 8) {
    for (index_t i = 0; i < n; i += 8 * h) {
      for (index_t j = 0; j < h; j += lanes) {
        walsh_hadamard_pass<8, false, Lanes>(x, i + j, h, unscaled{}, unscaled{});
      }
    }
  }
  const auto last = [&]<index_t r>(std::integral_constant<index_t, r>) {
    for (index_t j = 0; j < h; j += lanes) {
      walsh_hadamard_pass<r, false, Lanes>(x, j, h, unscaled{}, after);
    }
  };
  switch (n / h) {
    case 2:
      return last(std::integral_constant<index_t, 2>{});
    case 4:
      return last(std::integral_constant<index_t, 4>{});
    case 8:
      return last(std::integral_constant<index_t, 8>{});
    default:
      return last(std::integral_constant<index_t, radix>{});
  }
}

}  // namespace openquant::linalg
