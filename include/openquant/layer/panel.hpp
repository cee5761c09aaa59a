// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include <openquant/concepts/tile.hpp>
#include <openquant/core/bit_pack.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>
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

/// Quantizes `panel_rows` rows at once: one lane a row, columns one after the other,
///
///   q_j = Q(w_j + sum_{i<j} (w_i - q_i) U_ij),
///
/// so every quantizer is vectorised across rows for free, and rows meet in tiles only. The sum over
/// finished blocks of 128 columns is one product; within a block each error is added as soon as it
/// is known.
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
  static constexpr index_t panel_rows = 32;
  static constexpr index_t d = Q::dim;

  /// Number of panels that cover m rows: the tasks of an executor.
  static index_t count(index_t m) { return (m + panel_rows - 1) / panel_rows; }

  panel(const Q& q, const panel_problem& problem, index_t index)
      : q_(q),
        problem_(problem),
        first_(index * panel_rows),
        rows_(std::min(panel_rows, problem.w.rows() - first_)),
        n_(problem.w.cols()),
        w_(n_, panel_rows),
        error_(n_, panel_rows),
        scale_(groups() * Q::scale_fields, panel_rows) {
    for (index_t r = 0; r < rows_; ++r) {
      for (index_t j = 0; j < n_; ++j) w_(j, r) = problem.w(first_ + r, j);
    }
  }

  /// Codes and scales go to this panel's rows of `out`; null: only the error is wanted.
  void quantize(packed_codes* out) {
    const index_t g = problem_.group_size;
    const bool fit_on_the_way = problem_.order.empty() && g <= 128;
    const index_t block = fit_on_the_way ? 128 / g * g : std::max(d, 128 / d * d);
    if (!fit_on_the_way) {
      for (index_t j = 0; j < n_; j += g) fit(w_, j, j, out);
    }
    matrix<float> target(block, panel_rows);
    for (index_t p = 0; p < n_; p += block) {
      const index_t b = std::min(block, n_ - p);
      load_targets(target.view().block(0, 0, b, panel_rows), p);
      for (index_t k = 0; k < b; k += d) {
        const index_t j = column(p + k);
        if (fit_on_the_way && (p + k) % g == 0) {
          const auto group = target.view().block(k, 0, std::min(g, b - k), panel_rows);
          fit(compensated(group, p + k), 0, j, out);
        }
        code(target, k, p + k, j, out);
        if (!problem_.u.empty()) {
          feed_back(target.view().block(0, 0, b, panel_rows),
                    error_.view().block(p + k, 0, d, panel_rows), k, p);
        }
      }
    }
  }

  /// W - W_hat of the panel after quantize, (n, panel_rows), columns in coding order.
  matrix_view<const float> error() const { return error_; }
  /// The weights in coding order, (n, panel_rows).
  matrix<float> weights() const {
    matrix<float> ordered(n_, panel_rows);
    load_ordered(ordered, 0);
    return ordered;
  }

 private:
  using lanes = batch<Arch>;
  static_assert(panel_rows % lane_count<lanes> == 0);

  index_t groups() const { return (n_ + problem_.group_size - 1) / problem_.group_size; }
  /// The column that is coded at position p.
  index_t column(index_t p) const {
    return problem_.order.empty() ? p : problem_.order[static_cast<std::size_t>(p / d)] * d + p % d;
  }
  void load_ordered(matrix_view<float> out, index_t p) const {
    for (index_t k = 0; k < out.rows(); ++k) {
      std::ranges::copy(w_.row(column(p + k)), out.row(k).begin());
    }
  }

  /// target <- W_block + U_{<p, block}^T E_{<p}.
  void load_targets(matrix_view<float> target, index_t p) const {
    load_ordered(target, p);
    if (problem_.u.empty() || p == 0) return;
    linalg::gemm<linalg::op::transpose, linalg::op::none>(
        1.0f, problem_.u.block(0, p, p, target.rows()), error_.view().block(0, 0, p, panel_rows),
        1.0f, target);
  }

  /// What the targets at position p, ... become if each of them is coded without error: the weights
  /// that GPTQ's column loop holds there. `target` alone, the LDLQ sum so far, is what they become
  /// if each is coded as its uncompensated weight, which feedback will not let happen.
  matrix<float> compensated(matrix_view<const float> target, index_t p) const {
    matrix<float> ahead(target);
    if (problem_.u.empty()) return ahead;
    matrix<float> change(d, panel_rows);
    for (index_t k = 0; k < ahead.rows(); k += d) {
      for (index_t i = 0; i < d; ++i) {
        for (index_t r = 0; r < panel_rows; ++r) change(i, r) = w_(p + k + i, r) - ahead(k + i, r);
      }
      feed_back(ahead, change, k, p);
    }
    return ahead;
  }

  /// Fits the group that starts at column j to the values from row k of `from` on.
  void fit(matrix_view<const float> from, index_t k, index_t j, packed_codes* out) {
    const index_t size = std::min(problem_.group_size, n_ - j), group = j / problem_.group_size;
    const float* h =
        problem_.importance.empty() ? nullptr : &problem_.importance[static_cast<std::size_t>(j)];
    for (index_t r = 0; r < panel_rows; r += lane_count<lanes>) {
      const auto s = q_.fit(group_view<lanes>(&from(k, r), from.stride(), size, h));
      for (index_t i = 0; i < Q::scale_fields; ++i) store(s[i], &field(group, i, r));
    }
    for (index_t r = 0; r < panel_rows; ++r) {
      scale_t<Q> s;
      for (index_t i = 0; i < Q::scale_fields; ++i) s[i] = field(group, i, r);
      const std::uint64_t stored = q_.pack(s);
      s = q_.unpack(stored);
      for (index_t i = 0; i < Q::scale_fields; ++i) field(group, i, r) = s[i];
      if (out != nullptr && r < rows_) out->scales.set(first_ + r, group, stored);
    }
  }
  float& field(index_t group, index_t i, index_t r) {
    return scale_(group * Q::scale_fields + i, r);
  }

  /// Codes the d columns at rows k, ... of target, position p, which are the columns j, ... of W.
  void code(matrix_view<const float> target, index_t k, index_t p, index_t j, packed_codes* out) {
    const matrix_view<const float> scales = scale_;
    const auto s =
        scales.block(j / problem_.group_size * Q::scale_fields, 0, Q::scale_fields, panel_rows);
    const auto error = error_.view().block(p, 0, d, panel_rows);
    encode_rows<lanes>(q_, target.block(k, 0, d, panel_rows), s, memory_, code_);
    decode_rows<lanes>(q_, code_, s, error);
    for (index_t i = 0; i < d; ++i) {
      for (index_t r = 0; r < panel_rows; r += lane_count<lanes>) {
        float* e = &error(i, r);
        store(load<lanes>(&w_(j + i, r)) - load<lanes>(e), e);
      }
      for (index_t r = rows_; r < panel_rows; ++r) error(i, r) = 0;  // no row of W
    }
    if (out == nullptr) return;
    for (index_t t = 0; t * tile_rows<Q> < rows_; ++t) {
      for (index_t f = 0; f < code_fields<Q>; ++f) {
        out->codes.set(first_ / tile_rows<Q> + t, j / d * code_fields<Q> + f,
                       static_cast<std::uint64_t>(code_(t, f)));
      }
    }
  }

  /// target_l += sum_i error_i U_{p+k+i, p+l} for the rows l of target after the d at k, whose
  /// errors are given; row 0 is position p.
  void feed_back(matrix_view<float> target, matrix_view<const float> error, index_t k,
                 index_t p) const {
    for (index_t i = 0; i < d; ++i) {
      const auto u = problem_.u.row(p + k + i).subspan(static_cast<std::size_t>(p));
      const float* change = &error(i, 0);
      for (index_t l = k + d; l < target.rows(); ++l) {
        const lanes factor(u[static_cast<std::size_t>(l)]);
        for (index_t r = 0; r < panel_rows; r += lane_count<lanes>) {
          float* t = &target(l, r);
          store(mul_add(factor, load<lanes>(change + r), load<lanes>(t)), t);
        }
      }
    }
  }

  const Q& q_;
  const panel_problem& problem_;
  index_t first_, rows_, n_;
  matrix<float> w_;      // (n, panel_rows), natural order
  matrix<float> error_;  // (n, panel_rows), coding order
  matrix<float> scale_;  // (groups * scale_fields, panel_rows)
  workspace<Q> memory_;
  row_codes<Q, panel_rows> code_;
};

}  // namespace openquant
