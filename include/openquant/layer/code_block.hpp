// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/layer/feed_back.hpp>

namespace openquant {

/// A block of columns of rows that lie side by side, while it is coded: all are (columns, rows) but
/// u. On the CPU the rows are those of a strip, in lanes; in a CUDA thread there is one.
struct column_block {
  matrix_view<const float> w;  ///< the weights
  matrix_view<const float> u;  ///< (columns, columns) feedback inside the block; empty: none
  matrix_view<float> target;   ///< at first w and what the columns before the block feed back
  matrix_view<float> error;    ///< W - W_hat, of a column once it is coded
  matrix_view<float> ahead;    ///< scratch
};

/// What the targets of columns k, ..., end - 1 become if each of them is coded without error: the
/// weights that GPTQ's column loop holds there, to which a scale is fitted. The target alone is
/// what they become if each is coded as its uncompensated weight, which feedback will not let
/// happen. Valid until those columns are coded; their errors are overwritten.
template <class T, index_t d>
OPENQUANT_HD matrix_view<const float> compensated(const column_block& b, index_t k, index_t end) {
  const index_t count = end - k, rows = b.target.cols();
  const auto target = b.target.block(k, 0, count, rows);
  if (b.u.empty()) return target;
  const auto ahead = b.ahead.block(k, 0, count, rows), change = b.error.block(k, 0, count, rows);
  for (index_t i = 0; i < count; ++i) {
    for (index_t s = 0; s < rows; s += lane_count<T>) store(load<T>(&target(i, s)), &ahead(i, s));
  }
  code_in_order<T, d>(b.u.block(k, k, count, count), ahead, change, [&](index_t i) {
    for (index_t l = i; l < i + d; ++l) {
      for (index_t s = 0; s < rows; s += lane_count<T>) {
        store(load<T>(&b.w(k + l, s)) - load<T>(&ahead(l, s)), &change(l, s));
      }
    }
  });
  return ahead;
}

/// Codes columns k, ..., end - 1 of a block, one after the other, and feeds their errors back to
/// those behind them: code(k) sets the errors of the d columns at k, whose targets are complete.
///
/// Source:  Chee et al., "QuIP", NeurIPS 2023, Eq. 2 (LDLQ)
template <class T, index_t d, class Code>
OPENQUANT_HD void code_piece(const column_block& b, index_t k, index_t end, const Code& code) {
  const index_t columns = b.target.rows(), rows = b.target.cols(), count = end - k;
  const auto errors = b.error.block(k, 0, count, rows);
  code_in_order<T, d>(b.u.empty() ? b.u : b.u.block(k, k, count, count),
                      b.target.block(k, 0, count, rows), errors, [&](index_t i) { code(k + i); });
  if (b.u.empty() || end == columns) return;
  feed_back<T>(errors, b.u.block(k, end, count, columns - end),
               b.target.block(end, 0, columns - end, rows));
}

/// Codes a block of columns, `piece` of them, a multiple of d, after the other: fit(k, end) before
/// columns k, ..., end - 1 are coded, all before them being done, and code(k) as in `code_piece`.
///
/// Cost:    columns^2 flops a row, and what `fit` and `code` do
template <class T, index_t d, class Fit, class Code>
void code_block(const column_block& b, index_t piece, const Fit& fit, const Code& code) {
  const index_t columns = b.target.rows();
  for (index_t k = 0; k < columns; k += piece) {
    const index_t end = std::min(k + piece, columns);
    fit(k, end);
    code_piece<T, d>(b, k, end, code);
  }
}

/// Columns first, ..., first + count - 1 in their order, by halves: block(p, k) codes k of them, at
/// most `most`; feed(p, k, rest) adds what k coded columns at p feed back to the `rest` behind
/// them. Most of the work is then in a few products of large matrices.
template <class Block, class Feed>
void code_by_halves(index_t first, index_t count, index_t most, const Block& block,
                    const Feed& feed) {
  if (count <= most) return block(first, count);
  const index_t half = (count / most + 1) / 2 * most;
  code_by_halves(first, half, most, block, feed);
  feed(first, half, count - half);
  code_by_halves(first + half, count - half, most, block, feed);
}

}  // namespace openquant
