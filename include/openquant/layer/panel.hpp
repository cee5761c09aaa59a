// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <openquant/concepts/tile.hpp>
#include <openquant/core/bit_pack.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/layer/feed_back.hpp>
#include <openquant/linalg/gemm.hpp>
#include <openquant/linalg/weighted_norm.hpp>

namespace openquant {

/// A quantized matrix as bits: for each row, or tile of rows, its codes, and for each row the
/// scales of its groups. With t = tile_rows<Q> and f = code_fields<Q>:
struct packed_codes {
  bit_matrix codes;   ///< (ceil(m / t), ceil(n / d) f) fields of field_bits<Q>
  bit_matrix scales;  ///< (m, ceil(n / group_size)) fields of q.scale_bits()

  friend bool operator==(const packed_codes&, const packed_codes&) = default;
};

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
/// The sum over finished blocks of 128 columns is one product for the whole slab. Within a block
/// the slab is cut into strips of 32 rows, one lane a row, whose columns stay in the first cache
/// while each error is added as soon as it is known. So every quantizer is vectorised across rows
/// for free, and rows meet in tiles only.
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
        w_(n_, (rows + strip_rows - 1) / strip_rows * strip_rows),
        error_(n_, w_.cols()),
        scale_(groups() * Q::scale_fields, w_.cols()),
        target_(block_, w_.cols()),
        u_(block_, block_),
        strip_(block_, strip_rows),
        ahead_(block_, strip_rows),
        change_(block_, strip_rows),
        codes_(static_cast<std::size_t>(block_ / d)) {
    OPENQUANT_EXPECTS(first % strip_rows == 0);
    constexpr index_t square = 16;
    float turned[square][square];
    for (index_t r0 = 0; r0 < rows_; r0 += square) {
      const index_t count = std::min(square, rows_ - r0);
      for (index_t j0 = 0; j0 < n_; j0 += square) {
        const index_t width = std::min(square, n_ - j0);
        for (index_t r = 0; r < count; ++r) {
          const float* row = &problem.w(first + r0 + r, j0);
          for (index_t j = 0; j < width; ++j) turned[j][r] = row[j];
        }
        for (index_t j = 0; j < width; ++j) std::copy_n(turned[j], count, &w_(j0 + j, r0));
      }
    }
  }

  /// Bytes that a panel of so many rows over n columns holds, at most.
  static index_t bytes(index_t n, index_t rows, index_t group_size) {
    const index_t width = (rows + strip_rows - 1) / strip_rows * strip_rows;
    const index_t block = std::min(n, std::max<index_t>(d, 128));
    const index_t scales = (n + group_size - 1) / group_size * Q::scale_fields;
    const index_t floats = (2 * n + scales + block) * width + block * (block + 3 * strip_rows);
    const auto code_bytes = static_cast<index_t>(sizeof(row_codes<Q, strip_rows>));
    return 4 * floats + block / d * code_bytes + workspace_bytes<Q>;
  }

  /// Codes and scales go to this panel's rows of `out`; null: only the error is wanted.
  void quantize(packed_codes* out) {
    if (!fits_on_the_way()) {
      for (index_t r = 0; r < w_.cols(); r += strip_rows) {
        for (index_t j = 0; j < n_; j += problem_.group_size) {
          fit(columns(w_, j, std::min(problem_.group_size, n_ - j), r), j, r, out);
        }
      }
    }
    for (index_t p = 0; p < n_; p += block_) {
      const index_t b = std::min(block_, n_ - p);
      load_targets(target_.view().block(0, 0, b, w_.cols()), p);
      if (!problem_.u.empty()) copy(problem_.u.block(p, p, b, b), u_.view().block(0, 0, b, b));
      for (index_t r = 0; r < w_.cols(); r += strip_rows) {
        const auto strip = strip_.view().block(0, 0, b, strip_rows);
        copy(target_.view().block(0, r, b, strip_rows), strip);
        quantize_strip(strip, p, r, out);
      }
    }
  }

  /// W - W_hat of the panel after quantize, (n, whole strips), columns in coding order.
  matrix_view<const float> error() const { return error_; }
  /// The weights of the strip at row r of the panel in coding order, (n, strip_rows).
  matrix<float> weights(index_t r) const {
    matrix<float> ordered(n_, strip_rows);
    for (index_t p = 0; p < n_; ++p) {
      std::copy_n(&w_(column(p), r), strip_rows, ordered.row(p).begin());
    }
    return ordered;
  }

 private:
  using lanes = batch<Arch>;
  using view = matrix_view<float>;
  using const_view = matrix_view<const float>;
  static_assert(strip_rows % lane_count<lanes> == 0);

  index_t groups() const { return (n_ + problem_.group_size - 1) / problem_.group_size; }
  bool fits_on_the_way() const { return problem_.order.empty() && problem_.group_size <= 128; }
  /// The column that is coded at position p.
  index_t column(index_t p) const {
    return problem_.order.empty() ? p : problem_.order[static_cast<std::size_t>(p / d)] * d + p % d;
  }
  /// `count` columns of W from j on, of the strip at row r.
  static const_view columns(const matrix<float>& a, index_t j, index_t count, index_t r) {
    return a.view().block(j, r, count, strip_rows);
  }
  static void copy(const_view from, view to) {
    for (index_t i = 0; i < from.rows(); ++i) std::ranges::copy(from.row(i), to.row(i).begin());
  }

  /// target <- W_block + U_{<p, block}^T E_{<p}.
  void load_targets(view target, index_t p) const {
    for (index_t k = 0; k < target.rows(); ++k) {
      std::ranges::copy(w_.row(column(p + k)), target.row(k).begin());
    }
    if (problem_.u.empty() || p == 0) return;
    linalg::gemm<linalg::op::transpose, linalg::op::none>(
        1.0f, problem_.u.block(0, p, p, target.rows()), error_.view().block(0, 0, p, w_.cols()),
        1.0f, target);
  }

  /// The columns at positions p, ... of the strip at row r, whose targets are complete but for what
  /// the strip itself feeds back. Piece by piece: the groups where they are fitted on the way, else
  /// all at once.
  void quantize_strip(view target, index_t p, index_t r, packed_codes* out) {
    const index_t count = target.rows(), piece = fits_on_the_way() ? problem_.group_size : count;
    for (index_t k = 0; k < count; k += piece) {
      const index_t end = std::min(k + piece, count);
      const view group = target.block(k, 0, end - k, strip_rows);
      const const_view errors = error_.view().block(p + k, r, end - k, strip_rows);
      if (fits_on_the_way()) fit(compensated(group, p + k, k, r), column(p + k), r, out);
      code_in_order<lanes, d>(feedback(k, end), group, errors,
                              [&](index_t i) { code(target, k + i, p, r); });
      if (!problem_.u.empty() && end < count) {
        feed_back<lanes>(errors, u_.view().block(k, end, end - k, count - end),
                         target.block(end, 0, count - end, strip_rows));
      }
    }
    if (out != nullptr) save_codes(count, p, r, *out);
  }

  /// What the targets at position p, ... become if each of them is coded without error: the weights
  /// that GPTQ's column loop holds there. `target` alone, the LDLQ sum so far, is what they become
  /// if each is coded as its uncompensated weight, which feedback will not let happen. Position p
  /// is row k of the block.
  const_view compensated(const_view target, index_t p, index_t k, index_t r) {
    if (problem_.u.empty()) return target;
    const index_t count = target.rows();
    const view ahead = ahead_.view().block(0, 0, count, strip_rows);
    const view change = change_.view().block(0, 0, count, strip_rows);
    copy(target, ahead);
    code_in_order<lanes, d>(feedback(k, k + count), ahead, change, [&](index_t i) {
      for (index_t l = i; l < i + d; ++l) {
        for (index_t s = 0; s < strip_rows; s += lane_count<lanes>) {
          store(load<lanes>(&w_(p + l, r + s)) - load<lanes>(&ahead(l, s)), &change(l, s));
        }
      }
    });
    return ahead;
  }
  /// What columns k, ..., end - 1 of the block at hand feed to each other; empty without U.
  const_view feedback(index_t k, index_t end) const {
    return problem_.u.empty() ? const_view{} : u_.view().block(k, k, end - k, end - k);
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

  /// Codes the d columns at row k of target, the block at position p, for the strip at row r.
  void code(const_view target, index_t k, index_t p, index_t r) {
    const index_t j = column(p + k);
    auto& codes = codes_[static_cast<std::size_t>(k / d)];
    const auto scale =
        columns(scale_, j / problem_.group_size * Q::scale_fields, Q::scale_fields, r);
    const view error = error_.view().block(p + k, r, d, strip_rows);
    encode_rows<lanes>(q_, target.block(k, 0, d, strip_rows), scale, memory_, codes);
    decode_rows<lanes>(q_, codes, scale, error);
    for (index_t i = 0; i < d; ++i) {
      for (index_t s = 0; s < strip_rows; s += lane_count<lanes>) {
        float* e = &error(i, s);
        store(load<lanes>(&w_(j + i, r + s)) - load<lanes>(e), e);
      }
      for (index_t s = std::max(rows_ - r, index_t{0}); s < strip_rows; ++s) {
        error(i, s) = 0;  // no row of W
      }
    }
  }

  /// The codes of `count` columns from position p on, of the strip at row r, in natural order.
  void save_codes(index_t count, index_t p, index_t r, packed_codes& out) const {
    constexpr index_t fields = code_fields<Q>;
    for (index_t t = 0; r + t * tile_rows<Q> < rows_ && t < strip_rows / tile_rows<Q>; ++t) {
      for (index_t k = 0; k < count; k += d) {
        const auto& codes = codes_[static_cast<std::size_t>(k / d)];
        for (index_t f = 0; f < fields; ++f) {
          out.codes.set((first_ + r) / tile_rows<Q> + t, column(p + k) / d * fields + f,
                        static_cast<std::uint64_t>(codes(t, f)));
        }
      }
    }
  }

  const Q& q_;
  const panel_problem& problem_;
  index_t first_, rows_, n_, block_;
  matrix<float> w_;       // (n, whole strips), natural order
  matrix<float> error_;   // (n, whole strips), coding order
  matrix<float> scale_;   // (groups * scale_fields, whole strips)
  matrix<float> target_;  // (block, whole strips)
  matrix<float> u_;       // (block, block) of U at hand
  matrix<float> strip_;   // (block, strip_rows) of target at hand
  matrix<float> ahead_;   // (block, strip_rows) the same, compensated
  matrix<float> change_;  // (block, strip_rows) by these differences
  workspace<Q> memory_;
  std::vector<row_codes<Q, strip_rows>> codes_;  // of the strip at hand
};

}  // namespace openquant
