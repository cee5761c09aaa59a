// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/concepts/quantizer.hpp>

/// One way to code rows that lie side by side, whatever kind the quantizer is of: callers never
/// ask.
namespace openquant {

/// What an encoder needs besides its input: Q::workspace for tiles, nothing for points.
template <Quantizer Q>
struct workspace {};
template <TileQuantizer Q>
struct workspace<Q> : Q::workspace {};

/// Bytes that one workspace<Q> holds.
template <Quantizer Q>
inline constexpr index_t workspace_bytes = [] {
  if constexpr (TileQuantizer<Q>)
    return Q::workspace::bytes();
  else
    return index_t{0};
}();

/// The codes of `rows` rows, a multiple of tile_rows<Q>, over one block of dim columns. Integer f
/// of tile t is c(t, f); for points a tile is a row, and a field of all rows lies together, as
/// lanes load it.
template <Quantizer Q, index_t rows>
class row_codes {
 public:
  static constexpr index_t tiles = rows / tile_rows<Q>;
  static_assert(rows % tile_rows<Q> == 0);

  std::int32_t& operator()(index_t t, index_t f) { return code_[at(t, f)]; }
  std::int32_t operator()(index_t t, index_t f) const { return code_[at(t, f)]; }

  /// The code of tile t, whole.
  std::span<std::int32_t> tile(index_t t) { return {&(*this)(t, 0), fields}; }
  std::span<const std::int32_t> tile(index_t t) const { return {code_ + at(t, 0), fields}; }

  /// The codes of rows r, ... in lane type T.
  template <class T>
  code_t<Q, T> lanes(index_t r) const {
    code_t<Q, T> c;
    for (index_t f = 0; f < code_fields<Q>; ++f) code_field(c, f) = load_int<T>(code_ + at(r, f));
    return c;
  }
  template <class Code>
  void set_lanes(index_t r, const Code& c) {
    for (index_t f = 0; f < code_fields<Q>; ++f) store(code_field(c, f), code_ + at(r, f));
  }

 private:
  static constexpr auto fields = static_cast<std::size_t>(code_fields<Q>);
  static constexpr index_t at(index_t t, index_t f) {
    return TileQuantizer<Q> ? t * code_fields<Q> + f : f * tiles + t;
  }
  std::int32_t code_[static_cast<std::size_t>(tiles) * fields];
};

/// The columns k of lanes r, ... of a view that holds one row of W a column.
template <class T, index_t count>
vec<T, count> load_lanes(matrix_view<const float> x, index_t r) {
  vec<T, count> v;
  for (index_t k = 0; k < count; ++k) v[k] = load<T>(&x(k, r));
  return v;
}

/// Codes of `rows` rows under their scales.
///
/// Shapes:  x : (dim, rows), s : (scale_fields, rows); rows a multiple of T's lanes
template <class T, index_t rows, Quantizer Q>
void encode_rows(const Q& q, matrix_view<const float> x, matrix_view<const float> s,
                 workspace<Q>& memory, row_codes<Q, rows>& c) {
  if constexpr (TileQuantizer<Q>) {
    for (index_t t = 0; t < c.tiles; ++t) {
      const index_t r = t * tile_rows<Q>;
      q.template encode_tile<T>(x.block(0, r, Q::dim, tile_rows<Q>),
                                s.block(0, r, Q::scale_fields, tile_rows<Q>), c.tile(t), memory);
    }
  } else {
    static_assert(rows % lane_count<T> == 0);
    for (index_t r = 0; r < rows; r += lane_count<T>) {
      c.set_lanes(r, q.encode(load_lanes<T, Q::dim>(x, r), load_lanes<T, Q::scale_fields>(s, r)));
    }
  }
}

/// x, (dim, rows), from the codes and scales of encode_rows.
template <class T, index_t rows, Quantizer Q>
void decode_rows(const Q& q, const row_codes<Q, rows>& c, matrix_view<const float> s,
                 matrix_view<float> x) {
  if constexpr (TileQuantizer<Q>) {
    for (index_t t = 0; t < c.tiles; ++t) {
      const index_t r = t * tile_rows<Q>;
      q.template decode_tile<T>(c.tile(t), s.block(0, r, Q::scale_fields, tile_rows<Q>),
                                x.block(0, r, Q::dim, tile_rows<Q>));
    }
  } else {
    static_assert(rows % lane_count<T> == 0);
    for (index_t r = 0; r < rows; r += lane_count<T>) {
      const auto point = q.decode(c.template lanes<T>(r), load_lanes<T, Q::scale_fields>(s, r));
      for (index_t k = 0; k < Q::dim; ++k) store(point[k], &x(k, r));
    }
  }
}

}  // namespace openquant
