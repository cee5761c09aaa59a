// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <openquant/core/lane.hpp>

namespace openquant {

/// A lane of one float that counts what is done to it: the cost that a docstring states is a number
/// of operations, and this is how a test counts them.
struct counted_lane {
  struct tally {
    index_t divisions, comparisons, roundings;
  };
  static inline tally done{};

  float v;
  counted_lane() = default;
  counted_lane(float x) : v(x) {}

  friend counted_lane operator+(counted_lane a, counted_lane b) { return a.v + b.v; }
  friend counted_lane operator-(counted_lane a, counted_lane b) { return a.v - b.v; }
  friend counted_lane operator*(counted_lane a, counted_lane b) { return a.v * b.v; }
  friend counted_lane operator/(counted_lane a, counted_lane b) {
    return ++done.divisions, a.v / b.v;
  }
  friend bool operator<(counted_lane a, counted_lane b) { return ++done.comparisons, a.v < b.v; }
  friend bool operator>(counted_lane a, counted_lane b) { return ++done.comparisons, a.v > b.v; }
  friend bool operator>=(counted_lane a, counted_lane b) { return ++done.comparisons, a.v >= b.v; }
  friend counted_lane select(bool m, counted_lane a, counted_lane b) { return m ? a : b; }
  friend counted_lane min(counted_lane a, counted_lane b) { return openquant::min(a.v, b.v); }
  friend counted_lane max(counted_lane a, counted_lane b) { return openquant::max(a.v, b.v); }
  friend counted_lane abs(counted_lane a) { return openquant::abs(a.v); }
  friend counted_lane sqrt(counted_lane a) { return openquant::sqrt(a.v); }
  friend counted_lane round_even(counted_lane a) {
    return ++done.roundings, openquant::round_even(a.v);
  }
  friend std::int32_t to_int(counted_lane a) { return openquant::to_int(a.v); }
};

template <>
struct lane_traits<counted_lane> {
  using int_type = std::int32_t;
  static constexpr index_t lanes = 1;
};

}  // namespace openquant
