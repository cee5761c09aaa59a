// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include <openquant/core/group_view.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/core/vec.hpp>

namespace openquant {

/// Integers of a code: Q::code_fields, or 1 for a quantizer that does not say.
template <class Q>
inline constexpr index_t code_fields = [] {
  if constexpr (requires { Q::code_fields; })
    return index_t{Q::code_fields};
  else
    return index_t{1};
}();

/// Rows of the matrix that a code covers: Q::tile_rows, or 1 for a quantizer that does not say.
template <class Q>
inline constexpr index_t tile_rows = [] {
  if constexpr (requires { Q::tile_rows; })
    return index_t{Q::tile_rows};
  else
    return index_t{1};
}();

/// Bits of each integer of a code.
template <class Q>
inline constexpr int field_bits = Q::code_bits / static_cast<int>(code_fields<Q>);

/// Bits of codes a weight, side information excluded.
template <class Q>
inline constexpr double code_rate = static_cast<double>(Q::code_bits) /
                                    static_cast<double>(Q::dim* tile_rows<Q>);

/// Entries of the table that Q decodes from: Q::table_size, or 0 for a quantizer that offers none.
/// One that does has a span of as many, Q::table(), on the host, and q.decode(c, s, entries), which
/// is q.decode(c, s) for T = float from a copy of them: a kernel keeps that where it likes.
template <class Q>
inline constexpr index_t table_size = [] {
  if constexpr (requires { Q::table_size; })
    return index_t{Q::table_size};
  else
    return index_t{0};
}();

/// d weights in lane type T, coded jointly.
template <class Q, class T = float>
using point_t = vec<T, Q::dim>;

/// The side information of one group of weights in lane type T: a few reals.
template <class Q, class T = float>
using scale_t = vec<T, Q::scale_fields>;

template <class Q, class T>
struct code_type {
  using type = lane_int_t<T>;
};
template <class Q, class T>
requires requires { Q::code_fields; }
struct code_type<Q, T> {
  using type = vec<lane_int_t<T>, code_fields<Q>>;
};
/// A code in lane type T: one integer, or a vec of them where Q says how many.
template <class Q, class T = float>
using code_t = typename code_type<Q, T>::type;

/// Integer i of a code.
template <class Int>
OPENQUANT_HD constexpr const Int& code_field(const Int& c, index_t) {
  return c;
}
template <class Int, index_t f>
OPENQUANT_HD constexpr const Int& code_field(const vec<Int, f>& c, index_t i) {
  return c[i];
}
template <class Int>
OPENQUANT_HD constexpr Int& code_field(Int& c, index_t) {
  return c;
}
template <class Int, index_t f>
OPENQUANT_HD constexpr Int& code_field(vec<Int, f>& c, index_t i) {
  return c[i];
}

/// What every quantizer has: shapes and bits of its codes, and a scale that a group shares.
///
///   Q::dim, Q::code_bits    d weights of a row become one code of code_bits bits
///   Q::code_fields          optional: the integers that make a code, code_bits / code_fields bits
///                           each, at most 31
///   Q::scale_fields         reals of side information a group of weights shares
///   q.scale_bits()          bits of them as stored; 0: none, weights are coded at unit root mean
///                           square, over one factor for the whole matrix
///   Q::name()               "uniform<4>"
///   q.fit(group)            scale for these weights and importances, a template on the lane type
///   q.pack(s), q.unpack(b)  scale <-> its bits; what is decoded is always unpack(pack(s))
template <class Q>
concept CodeFormat = std::copyable<Q> &&
    requires(const Q q, group_view<float> group, scale_t<Q> s, std::uint64_t b) {
  requires Q::dim >= 1;
  requires Q::code_bits >= 1 && Q::code_bits % code_fields<Q> == 0 && field_bits<Q> <= 31;
  requires Q::scale_fields >= 1;
  { q.scale_bits() } -> std::same_as<int>;
  { Q::name() } -> std::convertible_to<std::string>;
  { q.fit(group) } -> std::same_as<scale_t<Q>>;
  { q.pack(s) } -> std::same_as<std::uint64_t>;
  { q.unpack(b) } -> std::same_as<scale_t<Q>>;
};

/// A map from points of one row to codes and back. `fit`, `encode` and `decode` are templates on
/// the lane type: the same source runs on one float, on a SIMD register of rows and in a CUDA
/// thread, so it has no branches on data. Required of every T, checked here for float:
///
///   q.encode(x, s)          code of the point x, each integer in [0, 2^field_bits)
///   q.decode(c, s)          the point of code c
template <class Q>
concept PointQuantizer = CodeFormat<Q> &&
    requires(const Q q, point_t<Q> x, code_t<Q> c, scale_t<Q> s) {
  { q.encode(x, s) } -> std::same_as<code_t<Q>>;
  { q.decode(c, s) } -> std::same_as<point_t<Q>>;
};

/// A map from tiles of tile_rows rows by dim columns to codes and back, for quantizers in which
/// rows meet. T is the lane type the kernels may use; the codes do not depend on it.
///
///   Q::tile_rows                   rows of a tile, a divisor of 32
///   Q::workspace                   memory that calls reuse, default constructible
///   Q::workspace::bytes()          as much of it
///   q.encode_tile<T>(x, s, c, ws)  x (dim, tile_rows): column k of row r at x(k, r);
///                                  s (scale_fields, tile_rows); c: code_fields integers
///   q.decode_tile<T>(c, s, x)      the tile of code c
template <class Q>
concept TileQuantizer = CodeFormat<Q> &&
    requires(const Q q, matrix_view<const float> x, matrix_view<const float> s,
             std::span<std::int32_t> c, std::span<const std::int32_t> stored,
             matrix_view<float> x_hat, typename Q::workspace& ws) {
  requires Q::tile_rows >= 1 && 32 % Q::tile_rows == 0;
  requires std::default_initializable<typename Q::workspace>;
  { Q::workspace::bytes() } -> std::same_as<index_t>;
  q.template encode_tile<float>(x, s, c, ws);
  q.template decode_tile<float>(stored, s, x_hat);
};

/// A quantizer of points or of tiles. Laws: docs/concepts/quantizer.md, asserted by
/// tests/laws/quantizer_laws.hpp.
template <class Q>
concept Quantizer = PointQuantizer<Q> || TileQuantizer<Q>;

}  // namespace openquant
