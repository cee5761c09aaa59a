// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include <openquant/core/config.hpp>

/// The vocabulary of 16-bit lanes: what a Viterbi search with saturating costs needs, and no more.
/// Here it is for plain integers; `core/simd16.hpp` says it once more for SIMD registers. Lanes are
/// unsigned, unless an operation says that it reads them as signed.
namespace openquant {

/// N lanes without SIMD; Arch only keeps apart what was compiled for different machines. One lane
/// is the scalar that every register is compared with.
template <index_t N, class Arch = void>
struct plain16 {
  static constexpr index_t lanes = N;
  /// One truth value a lane, lane 0 in the lowest bit.
  struct mask {
    std::uint32_t v;
    friend std::uint32_t to_bits(mask m) { return m.v; }
  };
  std::uint16_t v[N];

  /// The same number in every lane.
  static plain16 fill(std::uint16_t x) {
    return make([&](index_t) { return x; });
  }
  static plain16 load(const std::uint16_t* p) {
    return make([&](index_t i) { return p[i]; });
  }
  /// Signed numbers, as their bits.
  static plain16 load(const std::int16_t* p) {
    return make([&](index_t i) { return static_cast<std::uint16_t>(p[i]); });
  }
  friend void store(plain16 a, std::uint16_t* p) { std::copy(a.v, a.v + N, p); }

  /// a - b of signed lanes, held within [-2^15, 2^15).
  friend plain16 signed_difference(plain16 a, plain16 b) {
    return make([&](index_t i) {
      const int d = static_cast<std::int16_t>(a.v[i]) - static_cast<std::int16_t>(b.v[i]);
      return static_cast<std::uint16_t>(std::clamp(d, -32768, 32767));
    });
  }
  /// e^2 / 2^15 of a signed lane, rounded, half up: at most 2^15.
  friend plain16 signed_square(plain16 e) {
    return make([&](index_t i) {
      const int s = static_cast<std::int16_t>(e.v[i]);
      return static_cast<std::uint16_t>((s * s + (1 << 14)) >> 15);
    });
  }
  /// a + b, at most 2^16 - 1.
  friend plain16 saturated_sum(plain16 a, plain16 b) {
    return make(
        [&](index_t i) { return static_cast<std::uint16_t>(std::min(a.v[i] + b.v[i], 65535)); });
  }
  /// a - b, at least 0.
  friend plain16 saturated_difference(plain16 a, plain16 b) {
    return make(
        [&](index_t i) { return static_cast<std::uint16_t>(std::max(a.v[i] - b.v[i], 0)); });
  }
  friend plain16 min(plain16 a, plain16 b) {
    return make([&](index_t i) { return std::min(a.v[i], b.v[i]); });
  }
  friend mask operator<=(plain16 a, plain16 b) {
    std::uint32_t bits = 0;
    for (index_t i = 0; i < N; ++i) bits |= std::uint32_t{a.v[i] <= b.v[i]} << i;
    return {bits};
  }
  friend plain16 select(mask m, plain16 a, plain16 b) {
    return make([&](index_t i) { return m.v >> i & 1 ? a.v[i] : b.v[i]; });
  }
  /// Every lane of `a` written Times times fills Times registers; this is number Part of them.
  template <int Times, int Part>
  friend plain16 repeat(plain16 a) {
    return make([&](index_t i) { return a.v[(Part * N + i) / Times]; });
  }

 private:
  template <class F>
  static plain16 make(F f) {
    plain16 out;
    for (index_t i = 0; i < N; ++i) out.v[i] = f(i);
    return out;
  }
};

/// The 16-bit lanes that go with a lane type of `core/lane.hpp`: one for float.
template <class T>
struct lane16_traits {};

template <>
struct lane16_traits<float> {
  using type = plain16<1>;
};

template <class T>
using lane16_t = typename lane16_traits<T>::type;

}  // namespace openquant
