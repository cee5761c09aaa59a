// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/panel_view.hpp>

namespace openquant::cuda {

/// Fits the group of `count` columns from `first` on, to which all before have fed back, to its
/// compensated weights: for tiles, which `panel_kernel` does not code.
template <DeviceQuantizer Q>
struct group_fit_kernel {
  static constexpr int threads = 256, resident = 1;
  using shared = warp_columns<128>;

  panel_view<Q> panel;
  index_t first, count;

  index_t grid() const { return (panel.w.rows() + shared::rows - 1) / shared::rows; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const index_t row0 = block.index() * shared::rows;
    memory.load(block, threads, panel, row0, first, count);
    memory.fit(block, threads, panel, row0, first, count, 0, count);
  }
};

/// Codes the tiles of positions first, ..., first + dim - 1, to which all before have fed back,
/// under the scales of their group. A block takes the strips b, b + blocks, ..., and searches each
/// with all its threads.
template <TrellisQuantizer Q>
struct tile_panel_kernel {
  using search = tile_search<Q>;
  static constexpr int threads = search::threads, resident = 1;
  static constexpr index_t rows = Q::tile_rows;
  using shared = typename search::shared;

  panel_view<Q> panel;
  index_t first, blocks;

  index_t grid() const { return blocks; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const std::int16_t* const value = panel.tiles.value.data();
    const auto values = search::load_values(block, memory, value);
    for (index_t strip = block.index(); strip < panel.error.cols() / rows; strip += blocks) {
      const index_t row0 = strip * rows;
      if (strip >= panel.words.rows()) {  // the other half of the last warp's rows
        block.each([&](int t) {
          for (int i = t; i < int{Q::steps}; i += threads) {
            panel.error(first + i / rows, row0 + i % rows) = 0;
          }
        });
        continue;
      }
      block.run([&](int t) {
        for (int i = t; i < int{Q::steps}; i += threads) {
          memory.x[i] = target(row0 + i % rows, i / rows);
        }
      });
      search::closed_path(
          block, memory, values, value,
          panel.tiles.workspace.data() + block.index() * panel.tiles.workspace.stride());
      store_tile<Q>(block, memory, &panel.words(strip, column() / Q::dim * Q::lane_words));
      block.run([&](int t) {
        if (t < rows) set_errors(memory, row0 + t, t);
      });
    }
  }

 private:
  /// The first of the columns.
  OPENQUANT_DEVICE index_t column() const { return panel.column()(first); }
  OPENQUANT_DEVICE float scale(index_t row) const {
    return panel_row<Q>(panel, row).scale(column() / panel.shape.group_size, 0);
  }
  /// What the search sees of weight k of a row and what has been fed back to it.
  OPENQUANT_DEVICE std::int16_t target(index_t row, index_t k) const {
    if (row >= panel.w.rows()) return 0;
    const float w = panel.w(row, column() + k);
    const float x = panel.u.empty() ? w : w + panel.sum(first + k, row);
    return static_cast<std::int16_t>(Q::target(x, Q::inverse_of(scale(row))));
  }
  OPENQUANT_DEVICE void set_errors(const shared& memory, index_t row, index_t r) const {
    std::int32_t word[Q::lane_words];
    OPENQUANT_UNROLL
    for (index_t i = 0; i < Q::lane_words; ++i) word[i] = Q::lane_word(memory.symbol, i);
    const bool there = row < panel.w.rows();
    const vec<float, 1> s{scale(row)};
    [&]<index_t... k>(std::integer_sequence<index_t, k...>) {
      ((panel.error(first + k, row) =
            there ? panel.w(row, column() + k) -
                        panel.q.template lane_column<float, k>(word, r, s, panel.tiles.table)
                  : 0.0f),
       ...);
    }
    (std::make_integer_sequence<index_t, index_t{Q::dim}>{});
  }
};

}  // namespace openquant::cuda
