// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/encode.hpp>
#include <openquant/cuda/tile_panel.hpp>
#include <openquant/linalg/gemm.hpp>

namespace openquant::cuda {

/// Codes one row, one code after the other.
template <DeviceQuantizer Q>
requires PointQuantizer<Q>
class row_coder {
 public:
  OPENQUANT_DEVICE row_coder(const panel_view<Q>& panel, index_t row)
      : panel_(panel), row_(panel, row) {}

  /// Codes row k of b, column j of W; its errors follow.
  OPENQUANT_DEVICE void code(const column_block& b, index_t k, index_t j) {
    const index_t g = j / panel_.shape.group_size;
    if (g != group_) begin(g, j);
    const code_t<Q> c = encode_at(panel_.q, &b.target(k, 0), b.target.stride(), s_);
    const point_t<Q> x = panel_.q.decode(c, s_);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < Q::dim; ++i) {
      b.error(k + i, 0) = row_.there() ? b.w(k + i, 0) - x[i] : 0.0f;
    }
    if (!row_.stored()) return;
    const code_t<Q> stored = row_.there() ? c : code_t<Q>{};
    if (panel_.order.empty())
      writer_.put(stored);
    else
      put_code<Q>(row_.words(g), panel_row<Q>::strip_rows, bit_of(g, j), stored);
  }
  OPENQUANT_DEVICE void finish() { writer_.finish(); }

 private:
  /// From column j on codes go to group g.
  OPENQUANT_DEVICE void begin(index_t g, index_t j) {
    writer_.finish();
    group_ = g;
    if (!row_.stored()) return;
    if (panel_.order.empty()) {
      writer_ = code_writer<Q>(row_.words(g), panel_row<Q>::strip_rows, bit_of(g, j));
    }
    OPENQUANT_UNROLL
    for (index_t i = 0; i < Q::scale_fields; ++i) s_[i] = row_.scale(g, i);
  }

  /// Of the codes of group g, where that of column j begins.
  OPENQUANT_DEVICE index_t bit_of(index_t g, index_t j) const {
    return (j - g * panel_.shape.group_size) / Q::dim * Q::code_bits;
  }

  const panel_view<Q>& panel_;
  panel_row<Q> row_;
  index_t group_ = -1;
  scale_t<Q> s_{};
  code_writer<Q> writer_{nullptr, panel_row<Q>::strip_rows};
};

/// Codes `count` columns from position `first` on, to which all before have fed back: q_j = Q(w_j +
/// sum_{i<j} (w_i - q_i) U_ij). A block takes 32 rows. Its first warp codes them, a thread a row by
/// the CPU's own `code_piece` in one lane; all its warps fit scales, a row at a time.
template <DeviceQuantizer Q>
requires PointQuantizer<Q>
struct panel_kernel {
  static constexpr int threads = 256, resident = 1;
  static constexpr index_t most = Q::dim < 128 ? 128 : Q::dim;
  using shared = warp_columns<most>;

  panel_view<Q> panel;
  index_t first, count;

  index_t grid() const { return (panel.w.rows() + shared::rows - 1) / shared::rows; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const index_t row0 = block.index() * shared::rows;
    const bool fits = panel.fits_on_the_way();
    const index_t piece = fits ? panel.shape.group_size : count;
    memory.load(block, threads, panel, row0, first, count);
    for (index_t k = 0; k < count; k += piece) {
      const index_t end = k + piece < count ? k + piece : count;
      if (fits) memory.fit(block, threads, panel, row0, first, count, k, end);
      block.run([&](int t) {
        if (t >= shared::rows) return;
        const column_block b = memory.row(panel, t, first, count);
        row_coder<Q> row(panel, row0 + t);
        code_piece<float, Q::dim>(b, k, end,
                                  [&](index_t i) { row.code(b, i, panel.column()(first + i)); });
        row.finish();
      });
    }
    block.each([&](int t) {
      const index_t r = t % shared::rows;
      for (index_t k = t / shared::rows; k < count; k += threads / shared::rows) {
        panel.error(first + k, row0 + r) = memory.error[k][r];
      }
    });
  }
};

/// A quantizer that the panel codes: of points, or of tiles that a block searches.
template <class Q>
concept PanelQuantizer = DeviceQuantizer<Q> &&(PointQuantizer<Q> || TrellisQuantizer<Q>);

/// Codes every column, by halves: the loop of `openquant::panel` on a device D,
///
///   d.run(kernel, name)                  runs a kernel
///   d.multiply_add<A, B>(a, b, beta, c)  c <- beta c + op(a) op(b)
///
/// Throws openquant::error where shapes do not fit.
template <class D, PanelQuantizer Q>
void code_columns(const D& d, const panel_view<Q>& panel) {
  check_shapes(panel);
  const auto run = [&](const auto& kernel) { d.run(kernel, "gptq"); };
  if (!panel.fits_on_the_way()) {
    run(make_fit_kernel(panel.q, panel.shape, panel.w, panel.importance, panel.scales));
  }
  // sum <- sum + U^T E, of `count` coded columns at p for the `rest` behind them.
  const auto feed = [&](index_t p, index_t count, index_t rest) {
    if (panel.u.empty()) return;
    d.template multiply_add<linalg::op::transpose, linalg::op::none>(
        panel.u.block(p, p + count, count, rest),
        panel.error.block(p, 0, count, panel.error.cols()), 1.0f,
        panel.sum.block(p + count, 0, rest, panel.sum.cols()));
  };
  const index_t n = panel.shape.padded_cols();
  if constexpr (TrellisQuantizer<Q>) {
    const index_t blocks =
        viterbi_blocks<field_bits<Q>, std::countr_zero(Q::search::states), index_t{Q::steps}>(
            panel.error.cols() / Q::tile_rows, panel.tiles.workspace);
    const auto tile = [&](index_t p, index_t) { run(tile_panel_kernel<Q>{panel, p, blocks}); };
    const auto group = [&](index_t p, index_t count) {
      run(group_fit_kernel<Q>{panel, p, count});
      code_by_halves(p, count, index_t{Q::dim}, tile, feed);
    };
    if (panel.fits_on_the_way())
      code_by_halves(0, n, panel.shape.group_size, group, feed);
    else
      code_by_halves(0, n, index_t{Q::dim}, tile, feed);
  } else {
    const auto block = [&](index_t p, index_t count) { run(panel_kernel<Q>{panel, p, count}); };
    code_by_halves(0, n, panel.block(), block, feed);
  }
}

}  // namespace openquant::cuda
