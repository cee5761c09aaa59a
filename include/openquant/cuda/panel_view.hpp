// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/encode_tiles.hpp>
#include <openquant/cuda/fit.hpp>
#include <openquant/cuda/transpose.hpp>
#include <openquant/layer/code_block.hpp>

/// What the kernels of the solver's panel share: where its matrices lie, and how a warp and a
/// thread of it see their rows.
namespace openquant::cuda {

/// What a search of tiles needs beside them; nothing for points.
template <DeviceQuantizer Q>
struct tile_memory {};
template <TrellisQuantizer Q>
struct tile_memory<Q> {
  matrix_view<const std::int16_t, device> value;  ///< (1, states) Q::search_values()
  matrix_view<std::uint32_t, device> workspace;   ///< (blocks, encode_tiles_workspace<Q>)
  const table_entry<Q>* table;                    ///< a copy of Q::table(), or null
};

/// What is coded: W in the basis of its codes, columns in their natural order, as are importance,
/// scales and words; u, sum and error are in that of coding. As `panel_problem`.
template <DeviceQuantizer Q>
struct panel_view {
  Q q;
  strip_shape<Q> shape;
  matrix_view<const float, device> w;           ///< (m, n'), n' whole blocks of d
  matrix_view<const float, device> u;           ///< (n', n') feedback; empty: round to nearest
  matrix_view<const float, device> importance;  ///< (1, n'), or empty: all 1
  matrix_view<float, device> sum;           ///< (n', whole warps) what finished columns feed back
  matrix_view<float, device> error;         ///< (n', whole warps) W - W_hat, transposed
  matrix_view<float, device> scales;        ///< (strips, shape.scales())
  matrix_view<std::int32_t, device> words;  ///< (strips, shape.words())
  tile_memory<Q> tiles{};
  matrix_view<const index_t, device> order{};  ///< (1, n' / d) blocks in coding order, or natural

  /// The column that is coded at position p.
  OPENQUANT_HD column_order column() const { return {order.data(), Q::dim}; }
  /// Groups that lie in a block are fitted on the way, to compensated weights, as on the CPU.
  OPENQUANT_HD bool fits_on_the_way() const { return order.empty() && shape.group_size <= 128; }
  /// Columns of a block, those of the CPU's.
  OPENQUANT_HD index_t block() const {
    const index_t unit = fits_on_the_way() ? shape.group_size : Q::dim;
    return unit < 128 ? 128 / unit * unit : unit;
  }
};

/// Throws openquant::error where shapes do not fit.
template <DeviceQuantizer Q>
void check_shapes(const panel_view<Q>& panel) {
  const index_t n = panel.shape.padded_cols(), m = panel.w.rows();
  const index_t strips = (m + strip_shape<Q>::rows - 1) / strip_shape<Q>::rows;
  const index_t whole = (m + warp_size - 1) / warp_size * warp_size;
  const auto refuse = [&](const char* what, const auto& view) {
    fail("cuda: panel of (", m, ", ", n, ") weights by ", Q::name(), ": ", what, " is (",
         view.rows(), ", ", view.cols(), ")");
  };
  if (panel.w.cols() != n) refuse("w", panel.w);
  if (!panel.u.empty() && (panel.u.rows() != n || panel.u.cols() != n)) refuse("u", panel.u);
  if (!panel.importance.empty() && (panel.importance.rows() != 1 || panel.importance.cols() != n)) {
    refuse("importance", panel.importance);
  }
  if (!panel.u.empty() && (panel.sum.rows() != n || panel.sum.cols() != whole)) {
    refuse("sum", panel.sum);
  }
  if (panel.error.rows() != n || panel.error.cols() != whole) refuse("error", panel.error);
  if (panel.scales.rows() != strips || panel.scales.cols() != panel.shape.scales()) {
    refuse("scales", panel.scales);
  }
  if (panel.words.rows() != strips || panel.words.cols() != panel.shape.words()) {
    refuse("words", panel.words);
  }
  if (!panel.order.empty() && (panel.order.rows() != 1 || panel.order.cols() != n / Q::dim)) {
    refuse("order", panel.order);
  }
  if constexpr (TrellisQuantizer<Q>) {
    if (panel.tiles.value.rows() != 1 || panel.tiles.value.cols() != Q::search::states) {
      refuse("value", panel.tiles.value);
    }
    if (table_size<Q> != 0 && panel.tiles.table == nullptr) {
      fail("cuda: panel of (", m, ", ", n, ") weights by ", Q::name(), ": there is no table");
    }
  }
}

/// Where scales and codes of one row lie.
template <DeviceQuantizer Q>
class panel_row {
 public:
  static constexpr index_t strip_rows = strip_shape<Q>::rows;

  OPENQUANT_DEVICE panel_row(const panel_view<Q>& panel, index_t row)
      : panel_(panel),
        there_(row < panel.w.rows()),
        stored_(row / strip_rows < panel.words.rows()),
        strip_(row / strip_rows),
        r_(row % strip_rows) {}

  /// A row of W, and not what fills up the last warp or strip.
  OPENQUANT_DEVICE bool there() const { return there_; }
  OPENQUANT_DEVICE bool stored() const { return stored_; }

  OPENQUANT_DEVICE float& scale(index_t g, index_t i) const {
    return panel_.scales(strip_, (g * Q::scale_fields + i) * strip_rows + r_);
  }
  /// Where the codes of group g begin, and what they are apart.
  OPENQUANT_DEVICE std::int32_t* words(index_t g) const {
    return &panel_.words(strip_, panel_.shape.group_words(g) + r_);
  }

  /// The scale of the group that starts at column j, from its compensated weights, by a warp.
  OPENQUANT_DEVICE void fit(matrix_view<const float> values, index_t j) const {
    const float* const h = panel_.importance.empty() ? nullptr : &panel_.importance(0, j);
    const auto s = fit_stored(panel_.q, group_view<float>(values.data(), values.stride(),
                                                          values.rows(), h, team{warp_size}));
    if (!stored_) return;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < Q::scale_fields; ++i) {
      scale(j / panel_.shape.group_size, i) = there_ ? s[i] : 0.0f;
    }
  }

 private:
  const panel_view<Q>& panel_;
  bool there_, stored_;
  index_t strip_, r_;
};

/// Columns of 32 rows in shared memory, a row of W one column there, as `code_block` takes them.
template <index_t most>
struct warp_columns {
  static constexpr index_t rows = warp_size;
  using columns = float[most][rows + 1];  // one more, so that a warp writes to 32 banks
  columns w, target, error, ahead;

  /// Positions first, ..., first + count - 1 of the 32 rows from row0 on, by the threads of a
  /// block, whole warps.
  template <class Block, DeviceQuantizer Q>
  OPENQUANT_DEVICE void load(Block& block, int threads, const panel_view<Q>& panel, index_t row0,
                             index_t first, index_t count) {
    block.run([&](int t) {  // lines of W, a row after the other
      for (index_t k = t; k < count; k += threads) {
        const index_t j = panel.column()(first + k);
        for (index_t r = 0; r < rows; ++r) {
          w[k][r] = row0 + r < panel.w.rows() ? panel.w(row0 + r, j) : 0.0f;
        }
      }
    });
    block.run([&](int t) {
      const index_t r = t % rows;
      for (index_t k = t / rows; k < count; k += threads / rows) {
        const float fed = panel.u.empty() ? 0.0f : panel.sum(first + k, row0 + r);
        target[k][r] = panel.u.empty() ? w[k][r] : w[k][r] + fed;
      }
    });
  }
  /// The scales of the group that is at k, ..., end - 1 of them, from its compensated weights, in
  /// which a row is a warp's work.
  template <class Block, DeviceQuantizer Q>
  OPENQUANT_DEVICE void fit(Block& block, int threads, const panel_view<Q>& panel, index_t row0,
                            index_t first, index_t count, index_t k, index_t end) {
    block.run([&](int t) {
      if (t < rows) compensated<float, Q::dim>(row(panel, t, first, count), k, end);
    });
    block.run_warps([&](int warp) {
      columns& values = panel.u.empty() ? target : ahead;
      for (index_t r = warp; r < rows; r += threads / rows) {
        panel_row<Q>(panel, row0 + r)
            .fit(matrix_view<const float>(&values[k][r], end - k, 1, rows + 1), first + k);
      }
    });
  }
  /// The row of thread t.
  template <DeviceQuantizer Q>
  OPENQUANT_DEVICE column_block row(const panel_view<Q>& panel, int t, index_t first,
                                    index_t count) {
    const auto column = [&](columns& of) {
      return matrix_view<float>(&of[0][t], count, 1, rows + 1);
    };
    matrix_view<const float> u;
    if (!panel.u.empty()) u = {&panel.u(first, first), count, count, panel.u.stride()};
    return {column(w), u, column(target), column(error), column(ahead)};
  }
};

}  // namespace openquant::cuda
