// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstdint>
#include <string>

#include <openquant/core/group_view.hpp>
#include <openquant/core/vec.hpp>

namespace openquant {

/// d weights in lane type T, coded jointly.
template <class Q, class T = float>
using point_t = vec<T, Q::dim>;

/// The side information of one group of weights in lane type T: a few reals.
template <class Q, class T = float>
using scale_t = vec<T, Q::scale_fields>;

/// A map from points to codes and back. `fit`, `encode` and `decode` are templates on the lane
/// type: the same source runs on one float, on a SIMD register of rows and in a CUDA thread, so it
/// has no branches on data and no tables. Required of every T, checked here for float:
///
///   Q::dim, Q::code_bits    d weights become one code of code_bits bits
///   Q::scale_fields         reals of side information a group of weights shares
///   q.scale_bits()          bits of them as stored
///   Q::name()               "uniform<4>"
///   q.fit(group)            scale for these weights and importances
///   q.encode(x, s)          code of the point x, an integer in [0, 2^code_bits)
///   q.decode(c, s)          the point of code c
///   q.pack(s), q.unpack(b)  scale <-> its bits; what is decoded is always unpack(pack(s))
///
/// Laws: docs/concepts/quantizer.md, asserted by tests/laws/quantizer_laws.hpp.
template <class Q>
concept Quantizer = std::copyable<Q> && requires(const Q q, group_view<float> group, point_t<Q> x,
                                                 std::int32_t c, scale_t<Q> s, std::uint64_t b) {
  requires Q::dim >= 1;
  requires Q::code_bits >= 1 && Q::code_bits <= 31;
  requires Q::scale_fields >= 1;
  { q.scale_bits() } -> std::same_as<int>;
  { Q::name() } -> std::convertible_to<std::string>;
  { q.fit(group) } -> std::same_as<scale_t<Q>>;
  { q.encode(x, s) } -> std::same_as<std::int32_t>;
  { q.decode(c, s) } -> std::same_as<point_t<Q>>;
  { q.pack(s) } -> std::same_as<std::uint64_t>;
  { q.unpack(b) } -> std::same_as<scale_t<Q>>;
};

}  // namespace openquant
