// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/concepts/tile.hpp>
#include <openquant/core/simd.hpp>

#include "laws/quantizer_panel.hpp"

/// What every quantizer of tiles must do, as far as it differs from points (quantizer_laws.hpp).
namespace openquant::laws {

/// A tile of the test weights: Q::dim columns, tile_rows<Q> rows that differ in kind.
template <TileQuantizer Q>
struct test_tile {
  static constexpr index_t rows = tile_rows<Q>, dim = Q::dim;
  matrix<float> x{dim, rows}, s{Q::scale_fields, rows};

  /// Columns from..., times factor, each row under its own stored scale.
  test_tile(const Q& q, index_t from, float factor = 1) {
    for (index_t r = 0; r < rows; ++r) {
      for (index_t k = 0; k < dim; ++k) x(k, r) = factor * panel_weight(r, from + k);
      const auto scale = stored_scale(q, group_view<float>(&x(0, r), rows, dim));
      for (index_t k = 0; k < Q::scale_fields; ++k) s(k, r) = scale[k];
    }
  }
};

/// Code and decoded weights of a tile in lane type T.
template <TileQuantizer Q>
struct coded_tile {
  std::vector<std::int32_t> code = std::vector<std::int32_t>(code_fields<Q>);
  matrix<float> x_hat{Q::dim, tile_rows<Q>};
  friend bool operator==(const coded_tile&, const coded_tile&) = default;
};
template <class T, TileQuantizer Q>
coded_tile<Q> code_tile(const Q& q, const test_tile<Q>& tile, typename Q::workspace& memory) {
  coded_tile<Q> coded;
  q.template encode_tile<T>(tile.x, tile.s, coded.code, memory);
  q.template decode_tile<T>(coded.code, tile.s, coded.x_hat);
  return coded;
}

/// Integers in range and finite weights, at any magnitude; the same from a copy of the quantizer
/// and in a used workspace as in a new one.
template <TileQuantizer Q>
void tiles_are_finite_and_deterministic(const Q& q) {
  typename Q::workspace used{};
  for (const float factor : {1.0f, 1e-36f, 1e-9f, 1e12f, 1e30f}) {
    for (const index_t from : {0, 16, 32}) {
      const test_tile<Q> tile(q, from, factor);
      const coded_tile<Q> coded = code_tile<float>(q, tile, used);
      check_range<Q>(coded.code, "a tile times " + to_text(factor));
      for (index_t r = 0; r < tile.rows; ++r) {
        for (index_t k = 0; k < tile.dim; ++k) {
          if (!std::isfinite(coded.x_hat(k, r))) {
            fail(Q::name(), ": ", tile.x(k, r), " decodes to ", coded.x_hat(k, r));
          }
        }
      }
      const Q copy = q;
      typename Q::workspace fresh{};
      if (code_tile<float>(copy, tile, fresh) != coded) fail(Q::name(), ": not deterministic");
    }
  }
}

/// A row of zeros, whose scale is 0, decodes to zeros, among rows of any kind.
template <TileQuantizer Q>
void zero_rows_stay_zeros(const Q& q) {
  typename Q::workspace memory{};
  const test_tile<Q> tile(q, 0);
  const coded_tile<Q> coded = code_tile<float>(q, tile, memory);
  for (index_t r = 8; r < tile.rows; r += 9) {
    for (index_t k = 0; k < tile.dim; ++k) {
      if (coded.x_hat(k, r) != 0)
        fail(Q::name(), ": a row of zeros decodes to ", coded.x_hat(k, r));
    }
  }
}

/// 2^k x has the codes of x and decodes to 2^k times the same, under scales that are not rounded.
template <TileQuantizer Q>
void powers_of_two_pass_through_tiles(const Q& q) {
  typename Q::workspace memory{};
  for (const float factor : {0.125f, 32.0f}) {
    test_tile<Q> tile(q, 0);
    const coded_tile<Q> coded = code_tile<float>(q, tile, memory);
    for (index_t r = 0; r < tile.rows; ++r) {
      for (index_t k = 0; k < tile.dim; ++k) tile.x(k, r) *= factor;
      for (index_t k = 0; k < Q::scale_fields; ++k) tile.s(k, r) *= factor;
    }
    coded_tile<Q> scaled = code_tile<float>(q, tile, memory);
    for (index_t r = 0; r < tile.rows; ++r) {
      for (index_t k = 0; k < tile.dim; ++k) scaled.x_hat(k, r) /= factor;
    }
    if (scaled != coded) fail(Q::name(), ": times ", factor, " a tile has another code");
  }
}

/// In lane type T a tile has the code and the decoded weights it has in scalars.
template <class T, TileQuantizer Q>
void tiles_agree_with_scalars(const Q& q) {
  typename Q::workspace memory{};
  for (const index_t from : {0, 16, 32, 48}) {
    const test_tile<Q> tile(q, from);
    if (code_tile<T>(q, tile, memory) != code_tile<float>(q, tile, memory)) {
      fail(Q::name(), ": another code in ", lane_count<T>, " lanes, columns from ", from);
    }
  }
}

/// The laws of one lane, which hold wherever that one computes.
template <TileQuantizer Q>
void check_scalar_tile_laws(const Q& q) {
  CHECK_NOTHROW(tiles_are_finite_and_deterministic(q));
  if (q.scale_bits() > 0) {  // without scales the solver's unit does this
    CHECK_NOTHROW(zero_rows_stay_zeros(q));
    CHECK_NOTHROW(powers_of_two_pass_through_tiles(q));
  }
}

/// All laws of docs/concepts/quantizer.md for tiles.
template <TileQuantizer Q>
void check_tile_quantizer_laws(const Q& q) {
  check_scalar_tile_laws(q);
  CHECK_NOTHROW(tiles_agree_with_scalars<batch<baseline_arch>>(q));
  CHECK_NOTHROW(tiles_agree_with_scalars<batch<default_arch>>(q));
}

}  // namespace openquant::laws
