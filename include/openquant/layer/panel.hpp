// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <openquant/concepts/tile.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/layer/code_block.hpp>
#include <openquant/layer/packed_codes.hpp>
#include <openquant/linalg/gemm.hpp>
#include <openquant/linalg/weighted_norm.hpp>

namespace openquant {

/// What is to be quantized, in the basis where it is done. Views: nothing is owned. n is a multiple
/// of d: a last block that W does not fill is filled up with zeros of no importance.
struct panel_problem {
  matrix_view<const float> w;         ///< (m, n) weights
  matrix_view<const float> u;         ///< (n, n) feedback, in coding order; empty: round to nearest
  std::span<const float> importance;  ///< (n) diagonal of the Hessian; empty: all 1
  std::span<const index_t> order;  ///< (n / d) blocks of d columns in coding order; empty: natural
  index_t group_size = 0;          ///< columns that share a scale, a multiple of d; the last
                                   ///< group may be shorter
};

/// Quantizes a slab of rows, columns one after the other,
///
///   q_j = Q(w_j + sum_{i<j} (w_i - q_i) U_ij).
///
/// Columns are coded by halves, the first half feeding back to the second by one product for the
/// whole slab, down to blocks of 128. Within a block the slab is cut into strips of 32 rows, one
/// lane a row, whose columns stay in the first cache while each error is added as soon as it is
/// known. So every quantizer is vectorised across rows for free, and rows meet in tiles only.
///
/// Scales: a group that lies inside a block is fitted when its first column is reached, to the
/// weights as GPTQ's column loop has compensated them by then. Groups that straddle blocks (larger
/// than 128, or an order other than the natural one) are fitted to the weights themselves,
/// beforehand.
///
/// Source:  Chee et al., "QuIP", NeurIPS 2023, Eq. 2 (LDLQ, equal to Frantar et al., "GPTQ")
template <class Arch, Quantizer Q>
class panel {
 public:
  static constexpr index_t strip_rows = 32;
  static constexpr index_t d = Q::dim;

  /// Rows first, ..., first + rows - 1 of the problem; `first` is a multiple of strip_rows.
  panel(const Q& q, const panel_problem& problem, index_t first, index_t rows)
      : q_(q),
        problem_(problem),
        first_(first),
        rows_(rows),
        n_(problem.w.cols()),
        block_(std::min(n_, fits_on_the_way() ? 128 / problem.group_size * problem.group_size
                                              : std::max(d, 128 / d * d))),
        error_(n_, (rows + strip_rows - 1) / strip_rows * strip_rows),
        sum_(problem.u.empty() ? 0 : n_, error_.cols()),
        scale_((n_ + problem.group_size - 1) / problem.group_size * Q::scale_fields, error_.cols()),
        u_(problem.u.empty() ? 0 : block_, block_),
        w_(fits_on_the_way() ? block_ : std::max(block_, std::min(problem.group_size, n_)),
           strip_rows),
        target_(block_, strip_rows),
        ahead_(block_, strip_rows),
        codes_(static_cast<std::size_t>(block_ / d)) {
    OPENQUANT_EXPECTS(first % strip_rows == 0);
  }

  /// Bytes that a panel of so many rows over n columns holds at most, with or without feedback.
  static index_t bytes(index_t n, index_t rows, index_t group_size, bool feedback) {
    const index_t width = (rows + strip_rows - 1) / strip_rows * strip_rows;
    const index_t block = std::min(n, std::max<index_t>(d, 128));
    const index_t scales = (n + group_size - 1) / group_size * Q::scale_fields;
    const index_t strip = 2 * block + std::max(block, std::min(group_size, n));
    index_t floats = (n + scales) * width + strip * strip_rows;
    if (feedback) floats += n * width + block * block;
    const auto code_bytes = static_cast<index_t>(sizeof(row_codes<Q, strip_rows>));
    return 4 * floats + block / d * code_bytes + workspace_bytes<Q>;
  }

  /// Codes and scales go to this panel's rows of `out`; null: only the error is wanted.
  void quantize(packed_codes* out) {
    for (index_t r = 0; r < error_.cols() && !fits_on_the_way(); r += strip_rows) {
      for (index_t j = 0; j < n_; j += problem_.group_size) {
        const auto group = w_.view().block(0, 0, std::min(problem_.group_size, n_ - j), strip_rows);
        read(
            r, [j](index_t k) { return j + k; }, group);
        fit(group, j, r, out);
      }
    }
    code_by_halves(
        0, n_, block_, [&](index_t p, index_t count) { quantize_block(p, count, out); },
        [&](index_t p, index_t count, index_t rest) { feed(p, count, rest); });
  }

  /// W - W_hat of the panel after quantize, (n, whole strips), columns in coding order.
  matrix_view<const float> error() const { return error_; }
  /// The weights of the strip at row r of the panel in coding order, (n, strip_rows).
  matrix<float> weights(index_t r) const {
    matrix<float> ordered(n_, strip_rows);
    read(
        r, [this](index_t p) { return column(p); }, ordered);
    return ordered;
  }

 private:
  using lanes = batch<Arch>;
  using view = matrix_view<float>;
  using const_view = matrix_view<const float>;
  static_assert(strip_rows % lane_count<lanes> == 0);

  bool fits_on_the_way() const { return problem_.order.empty() && problem_.group_size <= 128; }
  /// The column that is coded at position p.
  index_t column(index_t p) const {
    return problem_.order.empty() ? p : problem_.order[static_cast<std::size_t>(p / d)] * d + p % d;
  }

  /// sum <- sum + U^T E, of `count` coded columns at p for the `rest` behind them.
  void feed(index_t p, index_t count, index_t rest) {
    if (problem_.u.empty()) return;
    linalg::gemm<linalg::op::transpose, linalg::op::none>(
        1.0f, problem_.u.block(p, p + count, count, rest),
        error_.view().block(p, 0, count, error_.cols()), 1.0f,
        sum_.view().block(p + count, 0, rest, sum_.cols()));
  }

  void quantize_block(index_t p, index_t count, packed_codes* out) {
    const auto strip = [&](matrix<float>& a) { return a.view().block(0, 0, count, strip_rows); };
    const bool fed = !problem_.u.empty();
    const view u = fed ? u_.view().block(0, 0, count, count) : view{};
    for (index_t i = 0; i < u.rows(); ++i) {
      std::copy_n(&problem_.u(p + i, p), count, u.row(i).begin());
    }
    for (index_t r = 0; r < error_.cols(); r += strip_rows) {
      const column_block b{strip(w_), u, strip(target_),
                           error_.view().block(p, r, count, strip_rows), strip(ahead_)};
      read(
          r, [&](index_t k) { return column(p + k); }, strip(w_));
      for (index_t k = 0; k < count; ++k) {
        for (index_t s = 0; s < strip_rows; s += lane_count<lanes>) {
          const lanes w = load<lanes>(&b.w(k, s));
          store(fed ? w + load<lanes>(&sum_(p + k, r + s)) : w, &b.target(k, s));
        }
      }
      code_block<lanes, d>(
          b, fits_on_the_way() ? problem_.group_size : count,
          [&](index_t k, index_t end) {
            if (fits_on_the_way()) fit(compensated<lanes, d>(b, k, end), p + k, r, out);
          },
          [&](index_t k) { code(b, k, p, r); });
      if (out != nullptr) save_codes(count, p, r, *out);
    }
  }

  /// to(k, s) <- W(first + r + s, column(k)), 0 below the last row.
  template <class Column>
  void read(index_t r, const Column& column, view to) const {
    constexpr index_t square = 16;
    for (index_t k0 = 0; k0 < to.rows(); k0 += square) {
      const index_t width = std::min(square, to.rows() - k0);
      for (index_t s0 = 0; s0 < strip_rows; s0 += square) {
        float turned[square][square] = {};
        for (index_t s = 0; s < std::min(square, rows_ - r - s0); ++s) {
          const float* row = &problem_.w(first_ + r + s0 + s, 0);
          for (index_t k = 0; k < width; ++k) turned[k][s] = row[column(k0 + k)];
        }
        for (index_t k = 0; k < width; ++k) std::copy_n(turned[k], square, &to(k0 + k, s0));
      }
    }
  }

  /// Fits the group that starts at column j to the values given, for the strip at row r.
  void fit(const_view values, index_t j, index_t r, packed_codes* out) {
    const index_t group = j / problem_.group_size;
    const float* h =
        problem_.importance.empty() ? nullptr : &problem_.importance[static_cast<std::size_t>(j)];
    for (index_t s = 0; s < strip_rows; s += lane_count<lanes>) {
      const auto scale =
          q_.fit(group_view<lanes>(&values(0, s), values.stride(), values.rows(), h));
      for (index_t i = 0; i < Q::scale_fields; ++i) store(scale[i], &field(group, i, r + s));
    }
    for (index_t s = r; s < r + strip_rows; ++s) {
      scale_t<Q> scale;
      for (index_t i = 0; i < Q::scale_fields; ++i) scale[i] = field(group, i, s);
      const std::uint64_t stored = q_.pack(scale);
      scale = q_.unpack(stored);
      for (index_t i = 0; i < Q::scale_fields; ++i) field(group, i, s) = scale[i];
      if (out != nullptr && s < rows_) out->scales.set(first_ + s, group, stored);
    }
  }
  float& field(index_t group, index_t i, index_t r) {
    return scale_(group * Q::scale_fields + i, r);
  }

  /// Codes the d columns at row k of the block at position p, for the strip at row r.
  void code(const column_block& b, index_t k, index_t p, index_t r) {
    auto& codes = codes_[static_cast<std::size_t>(k / d)];
    const index_t group = column(p + k) / problem_.group_size;
    const auto scale = scale_.view().block(group * Q::scale_fields, r, Q::scale_fields, strip_rows);
    const view error = b.error.block(k, 0, d, strip_rows);
    encode_rows<lanes>(q_, b.target.block(k, 0, d, strip_rows), scale, memory_, codes);
    decode_rows<lanes>(q_, codes, scale, error);
    for (index_t i = 0; i < d; ++i) {
      for (index_t s = 0; s < strip_rows; s += lane_count<lanes>) {
        float* e = &error(i, s);
        store(load<lanes>(&b.w(k + i, s)) - load<lanes>(e), e);
      }
      for (index_t s = std::max(rows_ - r, index_t{0}); s < strip_rows; ++s) {
        error(i, s) = 0;  // no row of W
      }
    }
  }

  /// The codes of `count` columns from position p on, of the strip at row r, in natural order.
  void save_codes(index_t count, index_t p, index_t r, packed_codes& out) const {
    constexpr index_t fields = code_fields<Q>;
    const index_t all = count / d * fields, run = problem_.order.empty() ? all : fields;
    for (index_t t = 0; r + t * tile_rows<Q> < rows_ && t < strip_rows / tile_rows<Q>; ++t) {
      for (index_t i = 0; i < all; i += run) {
        out.codes.set_run((first_ + r) / tile_rows<Q> + t, column(p + i / fields * d) / d * fields,
                          run, [&](index_t k) {
                            return codes_[static_cast<std::size_t>((i + k) / fields)](
                                t, (i + k) % fields);
                          });
      }
    }
  }

  const Q& q_;
  const panel_problem& problem_;
  index_t first_, rows_, n_, block_;
  matrix<float> error_;   // (n, whole strips), coding order
  matrix<float> sum_;     // (n, whole strips), what finished columns feed back
  matrix<float> scale_;   // (groups * scale_fields, whole strips)
  matrix<float> u_;       // (block, block) of U at hand
  matrix<float> w_;       // (block, strip_rows) of W at hand, or a group of it
  matrix<float> target_;  // (block, strip_rows), what is coded
  matrix<float> ahead_;   // (block, strip_rows), the same if what is coded met no error
  workspace<Q> memory_;
  std::vector<row_codes<Q, strip_rows>> codes_;  // of the strip at hand
};

}  // namespace openquant
