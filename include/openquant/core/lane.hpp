// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

#include <openquant/core/config.hpp>

/// The lane vocabulary: the few operations in which all quantizer arithmetic is written. Here they
/// are for `float`, which is a lane type of one lane; `core/simd.hpp` says them once more for
/// `batch<Arch>`. Arithmetic and comparison are the built-in operators. Call these unqualified,
/// from inside namespace openquant (elsewhere C's integer `abs` would be found first).
namespace openquant {

/// What a lane type is made of: the number of lanes, and the type of its 32-bit integers.
template <class T>
struct lane_traits {};

template <>
struct lane_traits<float> {
  using int_type = std::int32_t;
  static constexpr index_t lanes = 1;
};

template <class T>
using lane_int_t = typename lane_traits<T>::int_type;

template <class T>
inline constexpr index_t lane_count = lane_traits<T>::lanes;

/// A type that some header has made a lane type.
template <class T>
concept Lane = requires {
  lane_traits<T>::lanes;
};

/// `lane_count<T>` consecutive floats, from any address.
template <Lane T>
requires(lane_count<T> == 1) OPENQUANT_HD T load(const float* p) { return *p; }
template <Lane T>
requires(lane_count<T> > 1) T load(const float* p) { return T::load(p); }
/// The same for integers.
template <Lane T>
requires(lane_count<T> == 1) OPENQUANT_HD lane_int_t<T> load_int(const std::int32_t* p) {
  return *p;
}
template <Lane T>
requires(lane_count<T> > 1) lane_int_t<T> load_int(const std::int32_t* p) {
  return lane_int_t<T>::load(p);
}
OPENQUANT_HD inline void store(float x, float* p) { *p = x; }
OPENQUANT_HD inline void store(std::int32_t x, std::int32_t* p) { *p = x; }

OPENQUANT_HD inline float select(bool mask, float a, float b) { return mask ? a : b; }
OPENQUANT_HD inline std::int32_t select(bool mask, std::int32_t a, std::int32_t b) {
  return mask ? a : b;
}
OPENQUANT_HD inline float min(float a, float b) { return b < a ? b : a; }
OPENQUANT_HD inline float max(float a, float b) { return a < b ? b : a; }
/// The same of numbers that are 0 or more, not -0 or NaN: bits are in order where numbers are, and
/// some hardware compares integers on more ports.
OPENQUANT_HD inline float positive_min(float a, float b) { return min(a, b); }
OPENQUANT_HD inline float positive_max(float a, float b) { return max(a, b); }
OPENQUANT_HD inline float abs(float a) { return ::fabsf(a); }
OPENQUANT_HD inline float sqrt(float a) { return ::sqrtf(a); }

/// Nearest integer, ties to even (the rounding mode is taken to be the default one).
OPENQUANT_HD inline float round_even(float a) { return ::rintf(a); }

/// Integer of the same value; `a` holds an integer of magnitude below 2^31.
OPENQUANT_HD inline std::int32_t to_int(float a) { return static_cast<std::int32_t>(a); }
OPENQUANT_HD inline float to_float(std::int32_t a) { return static_cast<float>(a); }

/// table[i].
OPENQUANT_HD inline float gather(const float* table, std::int32_t i) { return table[i]; }

/// table[i mod 256].
OPENQUANT_HD inline std::int32_t lookup(const std::uint16_t (&table)[256], std::int32_t i) {
  return table[i & 255];
}
/// -a where the sign bit of i is set, else a.
OPENQUANT_HD inline float change_sign(float a, std::int32_t i) { return i < 0 ? -a : a; }

/// The float of these bits.
OPENQUANT_HD inline float bit_float(std::int32_t a) {
#if defined(__CUDA_ARCH__)
  return __int_as_float(a);
#else
  return std::bit_cast<float>(a);
#endif
}
/// The bits of this float.
OPENQUANT_HD inline std::int32_t float_bits(float a) {
#if defined(__CUDA_ARCH__)
  return __float_as_int(a);
#else
  return std::bit_cast<std::int32_t>(a);
#endif
}
/// True where the mask is, in every lane.
OPENQUANT_HD inline bool all_of(bool mask) { return mask; }
/// sum plus the four bytes of a, each in [0, 255].
OPENQUANT_HD inline std::int32_t add_bytes(std::int32_t sum, std::int32_t a) {
  return sum + (a & 255) + ((a >> 8) & 255) + ((a >> 16) & 255) + ((a >> 24) & 255);
}
/// sum plus the dot product of the bytes of a, unsigned and below 2^bits, and those of b, signed.
template <int bits>
OPENQUANT_HD std::int32_t dot_bytes(std::int32_t sum, std::int32_t a, std::int32_t b) {
  for (int k = 0; k < 32; k += 8) sum += ((a >> k) & 255) * static_cast<std::int8_t>(b >> k);
  return sum;
}
/// Lane i: 32 bits of three consecutive words w0, w1, w2, least significant first, from bit
/// first - i step on, which lies in [0, 64); step >= 1.
template <Lane T>
requires(lane_count<T> ==
         1) OPENQUANT_HD lane_int_t<T> bit_windows(std::int32_t w0, std::int32_t w1,
                                                   std::int32_t w2, int first, int) {
  const auto low = static_cast<std::uint32_t>(first < 32 ? w0 : w1);
  const auto high = static_cast<std::uint32_t>(first < 32 ? w1 : w2);
  const std::uint64_t both = static_cast<std::uint64_t>(high) << 32 | low;
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(both >> (first & 31)));
}

/// For registers, defined in core/simd_window.hpp: named here because no argument would find it
/// there.
template <Lane T>
requires(lane_count<T> > 1) lane_int_t<T> bit_windows(std::int32_t w0, std::int32_t w1,
                                                      std::int32_t w2, int first, int step);

/// Lane i: 16 bits of two consecutive words from bit first - i step on, which lies in [0, 48];
/// step >= 1.
template <Lane T>
requires(lane_count<T> == 1) OPENQUANT_HD lane_int_t<T> half_windows(const std::int32_t* words,
                                                                     int first, int step) {
  return bit_windows<T>(words[0], words[1], 0, first, step) & 0xffff;
}

template <Lane T>
requires(lane_count<T> > 1) lane_int_t<T> half_windows(const std::int32_t* words, int first,
                                                       int step);

/// table[i mod n] of a small table, n a power of two from 16 to 64: the bits of i above are
/// ignored.
template <index_t n>
OPENQUANT_HD float lookup(const float (&table)[n], std::int32_t i) {
  static_assert(n == 16 || n == 32 || n == 64);
  return table[i & static_cast<std::int32_t>(n - 1)];
}

/// x * y + z; fused where the hardware has it, so only where a last bit may differ.
OPENQUANT_HD inline float mul_add(float x, float y, float z) { return x * y + z; }

}  // namespace openquant
