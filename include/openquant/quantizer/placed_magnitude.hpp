// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>

namespace openquant::quantizer {

/// |x| with the place i, 0 to 7, in its last three bits. Magnitudes that know their place are
/// sorted by `min` and `max` alone, and no two of a vector are equal: of equals the later is the
/// larger. At most 7 units in the last place off: 2^-20 of |x|, or 2^-146. Zeros know their place
/// by subnormal numbers, so not where those are flushed to zero.
template <class T>
OPENQUANT_HD T placed_magnitude(const T& x, int i) {
  using integer = lane_int_t<T>;
  return bit_float((float_bits(x) & integer(0x7ffffff8)) | integer(i));
}

/// The place that y knows.
template <class T>
OPENQUANT_HD lane_int_t<T> place_of(const T& y) {
  return float_bits(y) & lane_int_t<T>(7);
}

/// base^i for the place i of y, base 2 or 4: a mask's bit there, or its two bits.
template <int base, class T>
OPENQUANT_HD T power_at_place(const T& y) {
  static_assert(base == 2 || base == 4);
  if constexpr (lane_count<T> == 1) {
    return to_float(1 << (base / 2 * place_of(y)));
  } else if constexpr (base == 2) {
    constexpr float power[16] = {1, 2, 4, 8, 16, 32, 64, 128};
    return lookup(power, place_of(y));
  } else {
    constexpr float power[16] = {1, 4, 16, 64, 256, 1024, 4096, 16384};
    return lookup(power, place_of(y));
  }
}

/// Bit i is set where x_i is negative; the one at the place of `turned` is turned, unless that is
/// below 0.
template <class T>
OPENQUANT_HD lane_int_t<T> sign_bits(const vec<T, 8>& x, const T& turned = T(-1.0f)) {
  using integer = lane_int_t<T>;
  integer bits = integer(0);
  OPENQUANT_UNROLL
  for (int i = 0; i < 8; ++i) bits = bits | ((float_bits(x[i]) >> (31 - i)) & integer(1 << i));
  return bits ^ to_int(select(turned >= T(0.0f), power_at_place<2>(turned), T(0.0f)));
}

}  // namespace openquant::quantizer
