// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/encode.hpp>
#include <openquant/cuda/fit.hpp>
#include <openquant/layer/code_block.hpp>

namespace openquant::cuda {

/// What is coded: W in the basis of its codes, columns in their natural order. As `panel_problem`.
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

  /// Groups that lie in a block are fitted on the way, to compensated weights, as on the CPU.
  OPENQUANT_HD bool fits_on_the_way() const { return shape.group_size <= 128; }
  /// Columns of a block, those of the CPU's.
  OPENQUANT_HD index_t block() const {
    const index_t unit = fits_on_the_way() ? shape.group_size : Q::dim;
    return unit < 128 ? 128 / unit * unit : unit;
  }
};

/// One row of a panel while its columns are coded, in one thread: where its scales and codes go.
template <DeviceQuantizer Q>
requires PointQuantizer<Q>
class panel_row {
 public:
  static constexpr index_t strip_rows = strip_shape<Q>::rows;

  OPENQUANT_DEVICE panel_row(const panel_view<Q>& panel, index_t row)
      : panel_(panel),
        there_(row < panel.w.rows()),
        stored_(row / strip_rows < panel.words.rows()),
        strip_(row / strip_rows),
        r_(row % strip_rows) {}

  /// The scale of the group that starts at column j, from its compensated weights.
  OPENQUANT_DEVICE void fit(matrix_view<const float> values, index_t j) {
    const float* const h = panel_.importance.empty() ? nullptr : &panel_.importance(0, j);
    s_ = fit_stored(panel_.q, group_view<float>(values.data(), values.stride(), values.rows(), h));
    if (!stored_) return;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < Q::scale_fields; ++i) {
      scale(j / panel_.shape.group_size, i) = there_ ? s_[i] : 0.0f;
    }
  }

  /// Codes row k of b, column j of W; its errors follow.
  OPENQUANT_DEVICE void code(const column_block& b, index_t k, index_t j) {
    if (j / panel_.shape.group_size != group_) begin(j / panel_.shape.group_size, j);
    const code_t<Q> c = encode_at(panel_.q, &b.target(k, 0), b.target.stride(), s_);
    const point_t<Q> x = panel_.q.decode(c, s_);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < Q::dim; ++i) {
      b.error(k + i, 0) = there_ ? b.w(k + i, 0) - x[i] : 0.0f;
    }
    if (stored_) writer_.put(there_ ? c : code_t<Q>{});
  }

  OPENQUANT_DEVICE void finish() { writer_.finish(); }

 private:
  OPENQUANT_DEVICE float& scale(index_t g, index_t i) const {
    return panel_.scales(strip_, (g * Q::scale_fields + i) * strip_rows + r_);
  }
  /// From column j on codes go to group g.
  OPENQUANT_DEVICE void begin(index_t g, index_t j) {
    writer_.finish();
    group_ = g;
    if (!stored_) return;
    const strip_shape<Q>& shape = panel_.shape;
    writer_ = code_writer<Q>(&panel_.words(strip_, shape.group_words(g) + r_), strip_rows,
                             (j - g * shape.group_size) / Q::dim * Q::code_bits);
    if (panel_.fits_on_the_way()) return;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < Q::scale_fields; ++i) s_[i] = scale(g, i);
  }

  const panel_view<Q>& panel_;
  bool there_, stored_;
  index_t strip_, r_, group_ = -1;
  scale_t<Q> s_{};
  code_writer<Q> writer_{nullptr, strip_rows};
};

/// Codes `count` columns from `first` on, to which all before have fed back: q_j = Q(w_j +
/// sum_{i<j} (w_i - q_i) U_ij). A warp takes 32 rows, a thread one of them, and runs the CPU's own
/// loop, `code_block`, in one lane. What it works on lies in shared memory, a row of W one column
/// there.
template <DeviceQuantizer Q>
requires PointQuantizer<Q>
struct panel_kernel {
  static constexpr int threads = warp_size, resident = 1;
  static constexpr index_t rows = warp_size, most = Q::dim < 128 ? 128 : Q::dim;
  using columns = float[most][rows + 1];  // one more, so that a warp writes to 32 banks
  struct shared {
    columns w, target, error, ahead;
  };

  panel_view<Q> panel;
  index_t first, count;

  index_t grid() const { return (panel.w.rows() + rows - 1) / rows; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const index_t row0 = block.index() * rows;
    block.run([&](int t) {  // lines of W, a row after the other
      for (index_t k = t; k < count; k += threads) {
        for (index_t r = 0; r < rows; ++r) {
          memory.w[k][r] = row0 + r < panel.w.rows() ? panel.w(row0 + r, first + k) : 0.0f;
        }
      }
    });
    block.each([&](int t) {
      const auto column = [&](columns& of) {
        return matrix_view<float>(&of[0][t], count, 1, rows + 1);
      };
      const bool fed = !panel.u.empty();
      matrix_view<const float> u;
      if (fed) u = {&panel.u(first, first), count, count, panel.u.stride()};
      const column_block b{column(memory.w), u, column(memory.target), column(memory.error),
                           column(memory.ahead)};
      for (index_t k = 0; k < count; ++k) {
        b.target(k, 0) = fed ? b.w(k, 0) + panel.sum(first + k, row0 + t) : b.w(k, 0);
      }
      panel_row<Q> row(panel, row0 + t);
      const bool fits = panel.fits_on_the_way();
      code_block<float, Q::dim>(
          b, fits ? panel.shape.group_size : count,
          [&](index_t k, index_t end) {
            if (fits) row.fit(compensated<float, Q::dim>(b, k, end), first + k);
          },
          [&](index_t k) { row.code(b, k, first + k); });
      row.finish();
      for (index_t k = 0; k < count; ++k) panel.error(first + k, row0 + t) = b.error(k, 0);
    });
  }
};

/// The kernel for columns first, ..., first + count - 1: whole groups where they are fitted on the
/// way, and at most panel.block(). Throws openquant::error where shapes do not fit.
template <DeviceQuantizer Q>
requires PointQuantizer<Q> panel_kernel<Q> make_panel_kernel(const panel_view<Q>& panel,
                                                             index_t first, index_t count) {
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
  OPENQUANT_EXPECTS(0 <= first && first % panel.block() == 0 && first + count <= n);
  OPENQUANT_EXPECTS(count <= panel.block() && count <= panel_kernel<Q>::most);
  return {panel, first, count};
}

/// Codes every column, by halves: run(kernel) runs a kernel, and feed(p, count, rest) adds what
/// `count` coded columns at p feed back to the `rest` behind them, sum <- sum + U^T E. It is the
/// loop of `openquant::panel`.
template <DeviceQuantizer Q, class Run, class Feed>
void code_columns(const panel_view<Q>& panel, const Run& run, const Feed& feed) {
  if (!panel.fits_on_the_way()) {
    run(make_fit_kernel(panel.q, panel.shape, panel.w, panel.importance, panel.scales));
  }
  code_by_halves(
      0, panel.shape.padded_cols(), panel.block(),
      [&](index_t p, index_t count) { run(make_panel_kernel(panel, p, count)); },
      [&](index_t p, index_t count, index_t rest) {
        if (!panel.u.empty()) feed(p, count, rest);
      });
}

}  // namespace openquant::cuda
