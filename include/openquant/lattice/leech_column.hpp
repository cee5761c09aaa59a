// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstdint>

#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>
#include <openquant/lattice/golay.hpp>

namespace openquant::lattice {

/// Squared distances to the four classes of a column, or of several: class 2 h + q has the top bits
/// adding up to h and the k_i adding up to q (see lattice/leech.hpp), both modulo 2.
template <class T>
using class_costs = vec<T, 4>;

/// Of two disjoint sets of columns together: the least sum over Z2 x Z2.
template <class T>
OPENQUANT_HD class_costs<T> convolve(const class_costs<T>& a, const class_costs<T>& b) {
  return {min(min(a[0] + b[0], a[1] + b[1]), min(a[2] + b[2], a[3] + b[3])),
          min(min(a[0] + b[1], a[1] + b[0]), min(a[2] + b[3], a[3] + b[2])),
          min(min(a[0] + b[2], a[2] + b[0]), min(a[1] + b[3], a[3] + b[1])),
          min(min(a[0] + b[3], a[3] + b[0]), min(a[1] + b[2], a[2] + b[1]))};
}

/// The entry of a lane's own class, 0 to 3.
template <class T>
OPENQUANT_HD T pick(const class_costs<T>& a, const lane_int_t<T>& s) {
  using integer = lane_int_t<T>;
  const auto low = to_float(s & integer(1)) > T(0.5f), high = to_float(s) > T(1.5f);
  return select(high, select(low, a[3], a[2]), select(low, a[1], a[0]));
}

/// Coordinates less their nearest multiples of 8, in [-4, 4]: all that distances depend on.
template <class T>
using leech_remainder = vec<T, 24>;

template <class T>
OPENQUANT_HD T leech_reduce(T x) {
  return x - T(8.0f) * round_even(x * T(0.125f));
}

/// Squared distances of one coordinate to 8 Z + r and 8 Z + r + 4, or of several added up: to the
/// even k and to the odd ones. The remainder w is in [-4, 4], r in [0, 3].
template <class T>
OPENQUANT_HD vec<T, 2> leech_distances(T w, T r) {
  const T beyond = T(4.0f) - abs(w - r), within = T(4.0f) - abs(beyond);
  return {within * within, beyond * beyond};
}

/// Of two disjoint sets of coordinates together: the least sum over Z2.
template <class T>
OPENQUANT_HD vec<T, 2> convolve(const vec<T, 2>& a, const vec<T, 2>& b) {
  return {min(a[0] + b[0], a[1] + b[1]), min(a[0] + b[1], a[1] + b[0])};
}

/// Costs of one column with offset o, whose bits are `bit` if its top bit is 0 (each lane its own).
template <class T>
OPENQUANT_HD class_costs<T> leech_class_costs(const T* w, T o, const lane_int_t<T>* bit) {
  vec<T, 2> same[4], flipped[4];
  for (int i = 0; i < 4; ++i) {
    const vec<T, 2> zero = leech_distances(w[i], o), one = leech_distances(w[i], o + T(2.0f));
    const auto set = to_float(bit[i]) > T(0.5f);
    for (int q = 0; q < 2; ++q) {
      same[i][q] = select(set, one[q], zero[q]);
      flipped[i][q] = select(set, zero[q], one[q]);
    }
  }
  const vec<T, 2> a = convolve(convolve(same[0], same[1]), convolve(same[2], same[3]));
  const vec<T, 2> b = convolve(convolve(flipped[0], flipped[1]), convolve(flipped[2], flipped[3]));
  return {a[0], a[1], b[0], b[1]};
}

/// Costs of all columns with offset o: of[p][l][c] for column l of parity p and value c.
template <class T>
struct leech_column_costs {
  class_costs<T> of[2][6][4];

  OPENQUANT_HD leech_column_costs(const leech_remainder<T>& w, int o) {
    for (int l = 0; l < 6; ++l) {
      vec<T, 2> one[4][2], two[2][4];  // coordinates; the upper two and the lower two
      for (int i = 0; i < 4; ++i) {
        one[i][0] = leech_distances(w[4 * l + i], T(static_cast<float>(o)));
        one[i][1] = leech_distances(w[4 * l + i], T(static_cast<float>(o + 2)));
      }
      for (int j = 0; j < 2; ++j) {
        for (int b = 0; b < 4; ++b) two[j][b] = convolve(one[2 * j][b & 1], one[2 * j + 1][b >> 1]);
      }
      for (std::uint32_t b = 0; b < 16; ++b) {
        const vec<T, 2> all = convolve(two[0][b & 3], two[1][b >> 2]);
        class_costs<T>& costs = of[std::popcount(b) & 1][l][golay::value(b)];
        costs[2 * (b & 1)] = all[0];
        costs[2 * (b & 1) + 1] = all[1];
      }
    }
  }
};

}  // namespace openquant::lattice
