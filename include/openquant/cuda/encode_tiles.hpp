// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>

#include <openquant/cuda/codes.hpp>
#include <openquant/cuda/viterbi.hpp>

namespace openquant::cuda {

/// Tiles whose symbols a Viterbi search finds: `quantizer::trellis`.
template <class Q>
concept TrellisQuantizer = DeviceQuantizer<Q> && LaneTileQuantizer<Q> &&
    requires(const std::uint8_t* symbols) {
  { Q::target(1.0f, Q::inverse_of(1.0f)) } -> std::same_as<std::int32_t>;
  { Q::lane_word(symbols, index_t{}) } -> std::same_as<std::int32_t>;
  Q::search_values();
  requires Q::search::states >= 1;
};

/// How a block searches, and the words of global memory that each block at work needs for it.
template <TrellisQuantizer Q>
using tile_search =
    block_viterbi<field_bits<Q>, std::countr_zero(Q::search::states), index_t{Q::steps}>;
template <TrellisQuantizer Q>
inline constexpr index_t encode_tiles_workspace = tile_search<Q>::history_words;

/// A tile of weights where it lies: weight k of row r at w[r * row_stride + k * col_stride], the
/// scale of row r at scale[r]. Rows from `rows` on are not there, and taken for zeros.
struct tile_source {
  const float* w;
  index_t row_stride, col_stride, rows;
  const float* scale;
};

/// The targets of a tile's search, by all threads of a block: memory.x. A phase.
template <TrellisQuantizer Q, class Block>
OPENQUANT_DEVICE void load_tile(Block& block, typename tile_search<Q>::shared& memory,
                                const tile_source& from) {
  block.run([&](int t) {
    for (int i = t; i < int{Q::steps}; i += tile_search<Q>::threads) {
      const int k = i / int{Q::tile_rows}, r = i % int{Q::tile_rows};
      std::int32_t target = 0;
      if (r < from.rows) {
        target = Q::target(from.w[r * from.row_stride + k * from.col_stride],
                           Q::inverse_of(from.scale[r]));
      }
      memory.x[i] = static_cast<std::int16_t>(target);
    }
  });
}

/// words <- the codes of a tile, `lane_words` of them, from what the search found: memory.symbol.
template <TrellisQuantizer Q, class Block>
OPENQUANT_DEVICE void store_tile(Block& block, const typename tile_search<Q>::shared& memory,
                                 std::int32_t* words) {
  block.each([&](int t) {
    if (t < Q::lane_words) words[t] = Q::lane_word(memory.symbol, t);
  });
  static_assert(Q::lane_words <= tile_search<Q>::threads);
}

/// Codes of a matrix whose columns are whole tiles under their scales, to strips. A block takes the
/// tiles b, b + blocks, ..., which are counted along strips.
template <TrellisQuantizer Q>
struct encode_tiles_kernel {
  using search = tile_search<Q>;
  static constexpr int threads = search::threads, resident = 1;
  using shared = typename search::shared;

  strip_shape<Q> shape;
  const float* w;
  index_t w_stride, rows;
  const float* scales;
  index_t scales_stride;
  const std::int16_t* value;
  std::uint32_t* workspace;
  index_t workspace_stride;
  std::int32_t* words;
  index_t words_stride, blocks;

  index_t grid() const { return blocks; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const auto values = search::load_values(block, memory, value);
    const int in_strip = static_cast<int>(shape.blocks());
    const int tiles = static_cast<int>((rows + Q::tile_rows - 1) / Q::tile_rows) * in_strip;
    for (int i = static_cast<int>(block.index()); i < tiles; i += static_cast<int>(blocks)) {
      load_tile<Q>(block, memory, source(i / in_strip, i % in_strip));
      search::closed_path(block, memory, values, value,
                          workspace + block.index() * workspace_stride);
      std::int32_t* const strip = words + i / in_strip * words_stride;
      const index_t first = i % in_strip * Q::lane_words, end = first + Q::lane_words;
      store_tile<Q>(block, memory, strip + first);
      if (i % in_strip == in_strip - 1) {  // what fills the strip up to whole lines
        block.each([&](int t) {
          if (end + t < shape.words()) strip[end + t] = 0;
        });
      }
    }
  }

 private:
  OPENQUANT_DEVICE tile_source source(index_t strip, index_t b) const {
    const index_t row = strip * Q::tile_rows, g = b / shape.group_blocks();
    return {w + row * w_stride + b * Q::dim, w_stride, 1, rows - row,
            scales + strip * scales_stride + g * Q::tile_rows};
  }
};

/// The kernel for this matrix. Throws openquant::error where the shapes do not fit.
template <TrellisQuantizer Q>
encode_tiles_kernel<Q> make_encode_tiles_kernel(const Q&, const strip_shape<Q>& shape,
                                                matrix_view<const float, device> w,
                                                matrix_view<const float, device> scales,
                                                matrix_view<const std::int16_t, device> value,
                                                matrix_view<std::int32_t, device> words,
                                                matrix_view<std::uint32_t, device> workspace = {}) {
  constexpr index_t states = Q::search::states;
  const index_t strips = (w.rows() + Q::tile_rows - 1) / Q::tile_rows;
  if (w.cols() != shape.padded_cols() || scales.rows() != strips ||
      scales.cols() != shape.scales() || words.rows() != strips || words.cols() != shape.words() ||
      value.rows() != 1 || value.cols() != states) {
    fail("cuda: encode by ", Q::name(), " of w (", w.rows(), ", ", w.cols(), ") of ", shape.cols,
         " columns in groups of ", shape.group_size, " under scales (", scales.rows(), ", ",
         scales.cols(), ") with values (", value.rows(), ", ", value.cols(), ") to words (",
         words.rows(), ", ", words.cols(), ")");
  }
  const index_t blocks =
      viterbi_blocks<field_bits<Q>, std::countr_zero(Q::search::states), index_t{Q::steps}>(
          strips * shape.blocks(), workspace);
  return {shape,           w.data(),     w.stride(),       w.rows(),           scales.data(),
          scales.stride(), value.data(), workspace.data(), workspace.stride(), words.data(),
          words.stride(),  blocks};
}

}  // namespace openquant::cuda
