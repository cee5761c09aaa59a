// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

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

/// Signs, as bits: coordinate i changes its sign where bit i is set.
struct signs {
  const std::uint8_t* bits;
  index_t first = 0;  ///< below 8; 0 for registers of eight lanes and more
  signs from(index_t i) const { return {bits + ((first + i) >> 3), (first + i) & 7}; }
  template <class T>
  T times(T x, index_t i) const {
    return change_sign_by_bit(x, bits, lane_count<T> < 8 ? first + i : i);
  }
};
/// The same, times one number.
struct scaled_signs {
  signs sign;
  float by;
  scaled_signs from(index_t i) const { return {sign.from(i), by}; }
  template <class T>
  T times(T x, index_t i) const {
    return sign.times(x * T(by), i);
  }
};

}  // namespace openquant::linalg
