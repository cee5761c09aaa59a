// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/concepts/tile.hpp>
#include <openquant/core/bit_pack.hpp>
#include <openquant/layer/strip.hpp>

namespace openquant {

/// A quantized matrix as bits: for each row, or tile of rows, its codes, and for each row the
/// scales of its groups. With d = Q::dim, t = tile_rows<Q> and f = code_fields<Q>:
struct packed_codes {
  bit_matrix codes;   ///< (ceil(m / t), ceil(n / d) f) fields of field_bits<Q>
  bit_matrix scales;  ///< (m, ceil(n / group_size)) fields of q.scale_bits()

  friend bool operator==(const packed_codes&, const packed_codes&) = default;
};

/// Those of an (m, n) matrix, cut as `shape` says, still all zero.
template <Quantizer Q>
packed_codes zero_codes(const Q& q, index_t m, const strip_shape<Q>& shape) {
  const index_t tiles = (m + tile_rows<Q> - 1) / tile_rows<Q>;
  return {{tiles, shape.blocks() * code_fields<Q>, field_bits<Q>},
          {m, shape.groups(), q.scale_bits()}};
}
/// Bytes of memory that these take.
template <Quantizer Q>
index_t packed_bytes(const Q& q, index_t m, const strip_shape<Q>& shape) {
  const index_t tiles = (m + tile_rows<Q> - 1) / tile_rows<Q>;
  return bit_matrix::memory_bytes(tiles, shape.blocks() * code_fields<Q>, field_bits<Q>) +
         bit_matrix::memory_bytes(m, shape.groups(), q.scale_bits());
}

}  // namespace openquant
