// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>

namespace openquant::quantizer {

/// 256 short points of E8, unscaled: 0, the 240 of squared norm 2, and 15 of squared norm 4, which
/// are +-2 e_i less -2 e_7.
///
/// Code, 8 bits:  128 + signs       (+-1/2, ..., +-1/2), bit i set where coordinate i is negative
///                                  for i = 0, ..., 6; the last sign makes their number even
///                16 + 4 p + signs  +-e_i +- e_j, i < j, p = j (j - 1) / 2 + i; bit 0 for i
///                2 i + sign        +-2 e_i; 15 is the point 0
///
/// Source:  Tseng et al., "QuIP#", arXiv 2402.04396, Sec. 4.3 (the 1-bit E8 codebook of its
///          residual stage; which 15 points of norm 4 is ours)
struct e8_ball {
  static constexpr index_t dim = 8;

  /// Code of the point nearest to u, exactly but for rounding.
  /// Cost: about 100 lane operations
  template <class T>
  OPENQUANT_HD static lane_int_t<T> nearest(const vec<T, 8>& u) {
    T first = T(-1.0f), second = T(-1.0f), at = T(0.0f), next = T(0.0f);  // the largest |u_i|
    T least = abs(u[0]), least_at = T(0.0f), sum = T(0.0f), negatives = T(0.0f), signs = T(0.0f);
    T axis = T(-1.0f), axis_code = T(15.0f);
    for (index_t i = 0; i < 8; ++i) {
      const T magnitude = abs(u[i]), place = T(static_cast<float>(i));
      const auto negative = u[i] < T(0.0f);
      const T bit = T(static_cast<float>(1 << i));
      sum = sum + magnitude;
      negatives = negatives + select(negative, T(1.0f), T(0.0f));
      signs = signs + select(negative, bit, T(0.0f));
      const auto leads = magnitude > first, follows = magnitude > second;
      second = select(leads, first, select(follows, magnitude, second));
      next = select(leads, at, select(follows, place, next));
      first = select(leads, magnitude, first);
      at = select(leads, place, at);
      const auto lower = magnitude < least;
      least = select(lower, magnitude, least);
      least_at = select(lower, place, least_at);
      const T along = i == 7 ? u[i] : magnitude;  // -2 e_7 is not there
      const auto longer = along > axis;
      axis = select(longer, along, axis);
      const T turned = select(negative, T(1.0f), T(0.0f));
      axis_code = select(longer, place + place + turned, axis_code);
    }

    T best = T(0.0f), code = T(15.0f);  // <u, v> - |v|^2 / 2
    const auto consider = [&](T gain, T its_code) {
      const auto better = gain > best;
      best = select(better, gain, best);
      code = select(better, its_code, code);
    };
    const T half = negatives * T(0.5f);
    const auto even = round_even(half) == half;
    T flipped = T(0.0f), bit_at = T(0.0f), bit_next = T(0.0f);
    for (index_t i = 0; i < 8; ++i) {
      const T place = T(static_cast<float>(i)), bit = T(static_cast<float>(1 << i));
      const auto negative = u[i] < T(0.0f);
      flipped = select(least_at == place, select(negative, -bit, bit), flipped);
      const T turned = select(negative, T(1.0f), T(0.0f));
      bit_at = select(at == place, turned, bit_at);
      bit_next = select(next == place, turned, bit_next);
    }
    const T all = signs + select(even, T(0.0f), flipped);
    const T seven = all - select(all >= T(128.0f), T(128.0f), T(0.0f));
    consider(sum * T(0.5f) - select(even, T(0.0f), least) - T(1.0f), seven + T(128.0f));
    const auto swapped = next < at;
    const T i = select(swapped, next, at), j = select(swapped, at, next);
    const T sign_i = select(swapped, bit_next, bit_at), sign_j = select(swapped, bit_at, bit_next);
    const T pair = j * (j - T(1.0f)) * T(0.5f) + i;
    consider(first + second - T(1.0f), pair * T(4.0f) + sign_i + sign_j + sign_j + T(16.0f));
    consider(axis + axis - T(2.0f), axis_code);
    return to_int(code);
  }

  template <class T, class Code>
  OPENQUANT_HD static vec<T, 8> point(const Code& c) {
    const T code = to_float(c);
    const auto halves = code >= T(128.0f), pairs = code >= T(16.0f);
    Code parity = c & Code(127);
    parity = parity ^ (parity >> 4);
    parity = parity ^ (parity >> 2);
    parity = (parity ^ (parity >> 1)) & Code(1);
    const Code signs = (c & Code(127)) | (parity << 7);
    const T pair = to_float((c - Code(16)) >> 2);
    T j = T(1.0f), base = T(0.0f);
    for (int k = 2; k < 8; ++k) {
      const int pairs_before = k * (k - 1) / 2;
      const auto start = static_cast<float>(pairs_before);
      const auto reached = pair >= T(start);
      j = select(reached, T(static_cast<float>(k)), j);
      base = select(reached, T(start), base);
    }
    const T i = pair - base, axis = to_float(c >> 1);
    const T turn_low = T(1.0f) - T(2.0f) * to_float(c & Code(1));
    const T turn_high = T(1.0f) - T(2.0f) * to_float((c >> 1) & Code(1));
    vec<T, 8> p;
    for (int k = 0; k < 8; ++k) {
      const T place = T(static_cast<float>(k));
      const T half = T(0.5f) - to_float((signs >> k) & Code(1));
      const T of_pair = select(i == place, turn_low, select(j == place, turn_high, T(0.0f)));
      const T of_axis = select(axis == place, turn_low + turn_low, T(0.0f));
      p[k] = select(halves, half, select(pairs, of_pair, of_axis));
      if (k == 7) p[k] = select(code == T(15.0f), T(0.0f), p[k]);
    }
    return p;
  }
};

}  // namespace openquant::quantizer
