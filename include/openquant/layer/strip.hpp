// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>

#include <openquant/concepts/tile.hpp>
#include <openquant/core/bit_pack.hpp>
#include <openquant/core/lane.hpp>
#include <openquant/core/prefetch.hpp>

/// Strips of 16 rows of codes, as lanes read them.
namespace openquant {

/// A tile quantizer with a form of its own for a tile in a strip; docs/concepts/quantizer.md.
template <class Q>
concept LaneTileQuantizer = TileQuantizer<Q> &&
    requires(std::span<const std::int32_t> c, std::int32_t* words) {
  requires Q::tile_rows == 16;
  requires Q::lane_words >= 1;
  Q::to_lanes(c, words);
};

/// Blocks after which a code starts a word again.
template <Quantizer Q>
inline constexpr index_t word_period = 32 / std::gcd(32, Q::code_bits);

/// decode(c, s) = s_0 (decode(c, (u, 0)) / u - s_1), without s_1 where there is one field, up to
/// rounding: Q says so, and a kernel then scales sums instead of weights. u is 1, or
/// Q::linear_unit, with which decode has the least to do. Tiles without a form of their own are
/// decoded whole, under their scales.
template <class Q>
inline constexpr bool is_linear = (PointQuantizer<Q> || LaneTileQuantizer<Q>)&&requires {
  requires Q::linear;
};
template <class Q>
inline constexpr float linear_unit = [] {
  if constexpr (requires { Q::linear_unit; })
    return Q::linear_unit;
  else
    return 1.0f;
}();

/// A quantizer of points with a decoder of its own for lanes of type T; docs/concepts/quantizer.md.
template <class Q, class T>
concept LanePointQuantizer = PointQuantizer<Q> &&
    requires(const Q q, const std::int32_t* words, const scale_t<Q, T> s) {
  requires Q::lane_blocks >= 1 && Q::lane_blocks* Q::code_bits % 32 == 0;
  { q.template lane_column<T, 0>(Q::template read_lanes<T>(words, 16), s) } -> std::same_as<T>;
};

/// What a strip is cut into. Its 16 rows are `strings` rows of codes, whose bits are cut into words
/// of 32, anew in every group of columns:
///
///   words   (groups, words_per_group, strings): word w of group g of all strings lies together, so
///           that for points it is one register of AVX-512, two of AVX2, four of SSE2. The last
///           group may have fewer. Bits stand as in `bit_matrix`, least significant first
///
///   scales  (groups, scale_fields, 16) floats
///
/// A tile quantizer with `lane_words` fills that many words a tile in its own way.
template <Quantizer Q>
struct strip_shape {
  static constexpr index_t rows = 16;
  static constexpr index_t strings = rows / tile_rows<Q>;
  static_assert(rows % tile_rows<Q> == 0);

  index_t cols, group_size;

  OPENQUANT_HD index_t blocks() const { return (cols + Q::dim - 1) / Q::dim; }
  OPENQUANT_HD index_t groups() const { return (cols + group_size - 1) / group_size; }
  OPENQUANT_HD index_t group_blocks() const { return group_size / Q::dim; }
  OPENQUANT_HD index_t blocks_in(index_t g) const {
    return std::min(group_blocks(), blocks() - g * group_blocks());
  }
  /// Columns of the strip, those of a last block that W does not fill included.
  OPENQUANT_HD index_t padded_cols() const { return blocks() * Q::dim; }
  /// Words of `count` blocks from the start of a group.
  OPENQUANT_HD static index_t words_of(index_t count) {
    if constexpr (LaneTileQuantizer<Q>)
      return count * Q::lane_words;
    else
      return (count * Q::code_bits + 31) / 32 * strings;
  }
  OPENQUANT_HD index_t group_words(index_t g) const { return g * words_of(group_blocks()); }
  /// Whole groups that cover that many words.
  index_t groups_of(index_t words) const { return words / words_of(group_blocks()) + 1; }
  /// Whole cache lines.
  OPENQUANT_HD index_t words() const {
    const index_t last = groups() - 1;
    return (group_words(last) + words_of(blocks_in(last)) + 15) / 16 * 16;
  }
  OPENQUANT_HD index_t scales() const { return groups() * Q::scale_fields * rows; }
};

/// One strip, wherever it lies.
template <Quantizer Q>
struct strip_view {
  strip_shape<Q> shape;
  const std::int32_t* words;
  const float* scales;

  const std::int32_t* group(index_t g) const { return words + shape.group_words(g); }
  /// Field k of the scales of group g, 16 floats.
  const float* scale(index_t g, index_t k) const {
    return scales + (g * Q::scale_fields + k) * strip_shape<Q>::rows;
  }
  /// Asks for the scales of group g, which may lie behind this strip.
  void prefetch_scales(index_t g) const {
    prefetch(scale(g, 0), Q::scale_fields * strip_shape<Q>::rows);
  }
};

/// Bits bit, ..., bit + bits - 1 of strings of words, one a lane, `stride` words apart; unless
/// `masked`, under other bits.
template <class T, int bits, bool masked = true>
OPENQUANT_HD OPENQUANT_INLINE lane_int_t<T> field_at(const std::int32_t* words, index_t stride,
                                                     index_t bit) {
  using lanes = lane_int_t<T>;
  static_assert(1 <= bits && bits <= 31);
  const std::int32_t* word = words + bit / 32 * stride;
  const int shift = static_cast<int>(bit % 32);
  const lanes mask(static_cast<std::int32_t>((1u << bits) - 1)), low = load_int<T>(word) >> shift;
  if (shift + bits <= 32) return masked ? low & mask : low;
  const int missing = 32 - shift;  // of low all bits above that many are copies of the sign
  return ((load_int<T>(word + stride) << missing) & mask) |
         (low & lanes(static_cast<std::int32_t>((1u << missing) - 1)));
}

/// Writes strip i of a matrix of `rows` rows as bit_matrix holds it: `words` and `scales` are as
/// long as the shape says. Rows that are not there have zero codes and zero scales.
template <Quantizer Q>
void write_strip(const Q& q, const bit_matrix& codes, const bit_matrix& scales,
                 const strip_shape<Q>& shape, index_t i, std::span<std::int32_t> words,
                 std::span<float> scale) {
  constexpr index_t strings = strip_shape<Q>::strings, rows = strip_shape<Q>::rows;
  std::ranges::fill(words, 0);
  std::ranges::fill(scale, 0.0f);
  for (index_t g = 0; g < shape.groups(); ++g) {
    std::int32_t* group = words.data() + shape.group_words(g);
    const index_t blocks = shape.blocks_in(g), first = g * shape.group_blocks();
    for (index_t r = 0; r < std::min(strings, codes.rows() - i * strings); ++r) {
      if constexpr (LaneTileQuantizer<Q>) {
        std::int32_t c[static_cast<std::size_t>(code_fields<Q>)];
        for (index_t b = 0; b < blocks; ++b) {
          for (index_t f = 0; f < code_fields<Q>; ++f) {
            c[f] = static_cast<std::int32_t>(codes.get(i, (first + b) * code_fields<Q> + f));
          }
          Q::to_lanes(c, group + b * Q::lane_words);
        }
      } else {
        const std::uint8_t* row = codes.data() + (i * strings + r) * codes.row_bytes();
        const index_t end = (first + blocks) * Q::code_bits;
        for (index_t bit = first * Q::code_bits; bit < end; bit += 32, group += strings) {
          std::uint64_t window;  // the table ends in 8 bytes that belong to no row
          std::memcpy(&window, row + bit / 8, sizeof window);
          window >>= bit % 8;
          if (end - bit < 32) window &= (std::uint64_t{1} << (end - bit)) - 1;
          group[r] = std::bit_cast<std::int32_t>(static_cast<std::uint32_t>(window));
        }
        group = words.data() + shape.group_words(g);
      }
    }
    for (index_t r = 0; r < std::min(rows, scales.rows() - i * rows); ++r) {
      const auto s = q.unpack(scales.get(i * rows + r, g));
      for (index_t k = 0; k < Q::scale_fields; ++k) {
        scale[static_cast<std::size_t>((g * Q::scale_fields + k) * rows + r)] = s[k];
      }
    }
  }
}

/// A quantizer whose codes can be read back from strips: of points, or of tiles that say how.
template <class Q>
concept ReadableQuantizer = PointQuantizer<Q> ||
    (LaneTileQuantizer<Q>&& requires(const std::int32_t* words, std::span<std::int32_t> c) {
      Q::from_lanes(words, c);
    });

/// The inverse of write_strip, to rows of codes and scales that are still zero.
template <ReadableQuantizer Q>
void read_strip(const Q& q, const strip_shape<Q>& shape, index_t i,
                std::span<const std::int32_t> words, std::span<const float> scale,
                bit_matrix& codes, bit_matrix& scales) {
  constexpr index_t rows = strip_shape<Q>::rows, strings = strip_shape<Q>::strings;
  constexpr index_t fields = code_fields<Q>;
  for (index_t g = 0; g < shape.groups(); ++g) {
    const index_t first = g * shape.group_blocks(), blocks = shape.blocks_in(g);
    const std::int32_t* group = words.data() + shape.group_words(g);
    for (index_t r = 0; r < std::min(strings, codes.rows() - i * strings); ++r) {
      if constexpr (LaneTileQuantizer<Q>) {
        std::int32_t c[static_cast<std::size_t>(fields)];
        for (index_t b = 0; b < blocks; ++b) {
          Q::from_lanes(group + b * Q::lane_words, c);
          codes.set_run(i, (first + b) * fields, fields, [&](index_t k) { return c[k]; });
        }
      } else {
        codes.set_run(i * strings + r, first * fields, blocks * fields, [&](index_t k) {
          return field_at<float, field_bits<Q>>(group + r, strings, k * field_bits<Q>);
        });
      }
    }
    for (index_t r = 0; r < std::min(rows, scales.rows() - i * rows); ++r) {
      scale_t<Q> s;
      for (index_t k = 0; k < Q::scale_fields; ++k) {
        s[k] = scale[static_cast<std::size_t>((g * Q::scale_fields + k) * rows + r)];
      }
      scales.set(i * rows + r, g, q.pack(s));
    }
  }
}

}  // namespace openquant
