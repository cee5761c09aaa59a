// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <type_traits>

#include <openquant/cuda/storage.hpp>
#include <openquant/layer/strip.hpp>

/// Codes on the device, and how a thread decodes its part of them.
namespace openquant::cuda {

/// A quantizer whose codes device code can decode: of points, or of tiles with a form for strips
/// that decodes from a table where it needs one. Its functions must be device code, which nvcc
/// checks.
template <class Q>
concept DeviceQuantizer = std::is_trivially_copyable_v<Q> &&
    (PointQuantizer<Q> ||
     (LaneTileQuantizer<Q> && requires(const Q q, const std::int32_t* words, scale_t<Q> s) {
       q.template lane_column<float, 0>(words, index_t{}, s, static_cast<const float*>(nullptr));
     }));

template <class Q>
struct table_entry_type {
  using type = float;
};
template <class Q>
requires(table_size<Q> != 0) struct table_entry_type<Q> {
  using type = typename decltype(Q::table())::value_type;
};
/// Entries of the table that Q decodes from; float where there is none.
template <class Q>
using table_entry = typename table_entry_type<Q>::type;

/// Codes of an (rows, cols) matrix in device memory: the strips of `layout::lanes<16>`, one after
/// the other. W_hat = unit * decoded.
///
///   words, scales   as `strip_shape` says, each strip on 16 bytes
///   table           a copy of Q::table(), or null
template <DeviceQuantizer Q>
struct codes_view {
  Q q;
  strip_shape<Q> shape;
  index_t rows;
  const std::int32_t* words;
  const float* scales;
  const table_entry<Q>* table;
  float unit;

  OPENQUANT_HD index_t strips() const {
    return (rows + strip_shape<Q>::rows - 1) / strip_shape<Q>::rows;
  }
};

/// What one thread decodes at a time: 4 neighbouring rows, whose words it loads 16 bytes at once,
/// by as many blocks as fill whole words. Where these would be more than 64 columns it is one
/// block, wherever its bits lie; for tiles, one tile.
template <DeviceQuantizer Q>
struct code_run {
  static constexpr bool tile = TileQuantizer<Q>;
  static constexpr bool whole_words = !tile && word_period<Q> * Q::dim <= 64;
  static constexpr index_t rows = 4, blocks = whole_words ? word_period<Q> : 1;
  static constexpr index_t cols = blocks * Q::dim;
  /// Words of each row, or of the tile, that a run reads.
  static constexpr index_t words = [] {
    if constexpr (tile)
      return index_t{Q::lane_words};
    else
      return index_t{whole_words ? blocks * Q::code_bits / 32 : (Q::code_bits + 62) / 32};
  }();
  static_assert(!tile || words % 4 == 0);

  OPENQUANT_HD static index_t in_group(const strip_shape<Q>& shape) {
    return (shape.group_blocks() + blocks - 1) / blocks;
  }
};

/// The scales of 4 rows of a group, row by row.
template <DeviceQuantizer Q>
using run_scales = vec<scale_t<Q>, code_run<Q>::rows>;

/// Those of rows 4 `quad`, ... of group g of a strip.
template <DeviceQuantizer Q>
OPENQUANT_DEVICE run_scales<Q> load_scales(const codes_view<Q>& codes, index_t strip, index_t g,
                                           index_t quad) {
  const float* from = codes.scales + strip * codes.shape.scales() +
                      g * Q::scale_fields * strip_shape<Q>::rows + 4 * quad;
  run_scales<Q> s;
  OPENQUANT_UNROLL
  for (index_t k = 0; k < Q::scale_fields; ++k) {
    const packet<float> field = load_packet(from + k * strip_shape<Q>::rows);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 4; ++i) s[i][k] = field.x[i];
  }
  return s;
}

/// The point of a code whose bits begin with the string of words, `stride` apart. With `level`, for
/// integer levels, the code itself: as a float it is the last bits of 2^23 + c, which no conversion
/// has to make.
template <bool level, DeviceQuantizer Q>
OPENQUANT_DEVICE point_t<Q> decode_point(const Q& q, const table_entry<Q>* table,
                                         const std::int32_t* words, index_t stride, index_t bit,
                                         const scale_t<Q>& s) {
  code_t<Q> c;
  OPENQUANT_UNROLL
  for (index_t f = 0; f < code_fields<Q>; ++f) {
    code_field(c, f) = field_at<float, field_bits<Q>>(words, stride, bit + f * field_bits<Q>);
  }
  if constexpr (level)
    return {bit_float(c | 0x4b000000) - 8388608.0f};
  else if constexpr (table_size<Q> != 0)
    return q.template decode<float>(c, s, table);
  else
    return q.decode(c, s);
}

/// use(column, weights) for every column of run `u` of group g, counted from the run's first, with
/// the weights of rows 4 `quad`, ..., of a strip under the scales s. A last run also has columns
/// that the group has not.
///
/// Loads:  16 bytes, 4 words of neighbouring rows; a strip's rows are 64 bytes wide, so the threads
///         of a warp, 4 for each of 8 runs, load whole lines where a run is one word
template <bool level, DeviceQuantizer Q, class Use>
OPENQUANT_DEVICE void decode_run(const codes_view<Q>& codes, const table_entry<Q>* table,
                                 index_t strip, index_t g, index_t u, index_t quad,
                                 const run_scales<Q>& s, const Use& use) {
  using run = code_run<Q>;
  constexpr index_t words = run::words;
  const strip_shape<Q>& shape = codes.shape;
  const std::int32_t* group = codes.words + strip * shape.words() + shape.group_words(g);
  if constexpr (run::tile) {
    std::int32_t word[words];
    OPENQUANT_UNROLL
    for (index_t w = 0; w < words; w += 4) {
      const auto four = load_packet(group + u * words + w);
      OPENQUANT_UNROLL
      for (index_t i = 0; i < 4; ++i) word[w + i] = four.x[i];
    }
    [&]<index_t... k>(std::integer_sequence<index_t, k...>) {
      (use(k,
           vec<float, 4>{codes.q.template lane_column<float, k>(word, 4 * quad, s[0], table),
                         codes.q.template lane_column<float, k>(word, 4 * quad + 1, s[1], table),
                         codes.q.template lane_column<float, k>(word, 4 * quad + 2, s[2], table),
                         codes.q.template lane_column<float, k>(word, 4 * quad + 3, s[3], table)}),
       ...);
    }
    (std::make_integer_sequence<index_t, index_t{Q::dim}>{});
  } else {
    constexpr index_t rows = strip_shape<Q>::rows;
    const index_t bit = u * run::blocks * Q::code_bits, first = bit / 32;
    const index_t there = strip_shape<Q>::words_of(shape.blocks_in(g)) / rows - first;
    std::int32_t word[words * 4];
    OPENQUANT_UNROLL
    for (index_t w = 0; w < words; ++w) {
      packet<std::int32_t> four{};
      if (w < there) four = load_packet(group + (first + w) * rows + 4 * quad);
      OPENQUANT_UNROLL
      for (index_t i = 0; i < 4; ++i) word[w * 4 + i] = four.x[i];
    }
    if constexpr (!run::whole_words) {  // to the start of a word
      const int shift = static_cast<int>(bit % 32);
      OPENQUANT_UNROLL
      for (index_t w = 0; w < words; ++w) {
        OPENQUANT_UNROLL
        for (index_t i = 0; i < 4; ++i) {
          const std::int32_t above = w + 1 < words ? word[(w + 1) * 4 + i] : 0;
          word[w * 4 + i] = bit_windows<float>(word[w * 4 + i], above, 0, shift, 1);
        }
      }
    }
    OPENQUANT_UNROLL
    for (index_t b = 0; b < run::blocks; ++b) {
      point_t<Q> point[4];
      OPENQUANT_UNROLL
      for (index_t i = 0; i < 4; ++i) {
        point[i] = decode_point<level>(codes.q, table, word + i, 4, b * Q::code_bits, s[i]);
      }
      OPENQUANT_UNROLL
      for (index_t k = 0; k < Q::dim; ++k) {
        use(b * Q::dim + k, vec<float, 4>{point[0][k], point[1][k], point[2][k], point[3][k]});
      }
    }
  }
}

/// A copy of the table, for shared memory; empty where there is none or it is too large for that.
template <class Q>
struct shared_table {
  static constexpr index_t size =
      table_size<Q> * static_cast<index_t>(sizeof(table_entry<Q>)) <= 16384 ? table_size<Q> : 0;
  table_entry<Q> entry[size == 0 ? 1 : static_cast<std::size_t>(size)];
};

/// Fills it by all threads of a block.
template <class Block, class Q>
OPENQUANT_DEVICE void load_table(Block& block, int threads, const codes_view<Q>& codes,
                                 shared_table<Q>& table) {
  if constexpr (shared_table<Q>::size > 0) {
    block.run([&](int t) {
      for (index_t i = t; i < shared_table<Q>::size; i += threads) table.entry[i] = codes.table[i];
    });
  }
}
/// Where the table lies that threads are to read.
template <class Q>
OPENQUANT_DEVICE const table_entry<Q>* table_of(const codes_view<Q>& codes,
                                                const shared_table<Q>& table) {
  return shared_table<Q>::size > 0 ? table.entry : codes.table;
}

}  // namespace openquant::cuda
