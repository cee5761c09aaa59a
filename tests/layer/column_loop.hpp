// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/layer/hessian.hpp>

#include "worst.hpp"

/// The published form of GPTQ in double, as the oracle of the solver: dampen, invert, and for each
/// block of d columns round, then compensate in all later columns,
///
///   W_R <- W_R - E (H^-1)_QQ^-1 (H^-1)_QR,   H^-1_RR <- H^-1_RR - (H^-1)_RQ (H^-1)_QQ^-1
///   (H^-1)_QR.
///
/// For d = 1 the coefficients (H^-1)_QR / (H^-1)_QQ are U_ij / U_ii of the upper Cholesky factor of
/// H^-1, which is how Frantar et al. (ICLR 2023, Algorithm 1) write it. The oracle shares nothing
/// with the library's solver: no factor of H, no panel, no order of summation.
namespace openquant::test {

/// A square matrix of doubles.
struct square {
  index_t n;
  std::vector<double> elements;

  explicit square(index_t order) : n(order), elements(static_cast<std::size_t>(order * order)) {}
  double* row(index_t i) { return elements.data() + i * n; }
  const double* row(index_t i) const { return elements.data() + i * n; }
  /// Largest column sum of magnitudes.
  double one_norm() const {
    std::vector<double> sums(static_cast<std::size_t>(n));
    for (std::size_t k = 0; k < elements.size(); ++k) {
      sums[k % static_cast<std::size_t>(n)] += std::fabs(elements[k]);
    }
    return *std::max_element(sums.begin(), sums.end());
  }
};

/// Inverse of a symmetric positive definite matrix by Gauss-Jordan elimination in place.
inline square inverse(square a) {
  for (index_t p = 0; p < a.n; ++p) {
    const double pivot = 1 / a.row(p)[p];
    double* above = a.row(p);
    above[p] = 1;
    for (index_t j = 0; j < a.n; ++j) above[j] *= pivot;
    for (index_t i = 0; i < a.n; ++i) {
      if (i == p) continue;
      double* row = a.row(i);
      const double factor = row[p];
      row[p] = 0;
      for (index_t j = 0; j < a.n; ++j) row[j] -= factor * above[j];
    }
  }
  return a;
}

/// What later columns receive of an error: row i of `feedback` holds (H^-1)_QQ^-1 (H^-1)_QR for the
/// block Q that holds i, in coding order.
struct column_loop {
  std::vector<index_t> order;  ///< column coded k-th
  square feedback;
  double condition;  ///< one-norm condition number of the damped Hessian

  /// damping is relative to the mean diagonal; d columns are coded at a time.
  column_loop(const hessian& h, double damping, index_t d, bool act_order)
      : order(static_cast<std::size_t>(h.size())), feedback(h.size()) {
    const index_t n = h.size();
    std::iota(order.begin(), order.end(), index_t{0});
    if (act_order) sort_blocks(h, d);
    double mean = 0;
    for (index_t j = 0; j < n; ++j) mean += h(j, j) / static_cast<double>(n);
    square a(n);
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) a.row(i)[j] = h(at(i), at(j));
      a.row(i)[i] += damping * mean;
    }
    square rest = inverse(a);
    condition = a.one_norm() * rest.one_norm();
    for (index_t first = 0; first < n; first += d) eliminate(rest, first, d);
  }

  index_t at(index_t k) const { return order[static_cast<std::size_t>(k)]; }

 private:
  void sort_blocks(const hessian& h, index_t d) {
    const auto energy = [&](index_t block) {
      double sum = 0;
      for (index_t i = 0; i < d; ++i) sum += h(block * d + i, block * d + i);
      return sum;
    };
    std::vector<index_t> blocks(order.size() / static_cast<std::size_t>(d));
    std::iota(blocks.begin(), blocks.end(), index_t{0});
    std::stable_sort(blocks.begin(), blocks.end(),
                     [&](index_t a, index_t b) { return energy(a) > energy(b); });
    for (std::size_t k = 0; k < order.size(); ++k) {
      const auto i = static_cast<index_t>(k);
      order[k] = blocks[static_cast<std::size_t>(i / d)] * d + i % d;
    }
  }

  void eliminate(square& rest, index_t first, index_t d) {
    square corner(d);
    for (index_t i = 0; i < d; ++i) {
      for (index_t j = 0; j < d; ++j) corner.row(i)[j] = rest.row(first + i)[first + j];
    }
    const square solve = inverse(corner);
    for (index_t i = 0; i < d; ++i) {
      double* to = feedback.row(first + i);
      for (index_t k = 0; k < d; ++k) {
        for (index_t j = first + d; j < rest.n; ++j) {
          to[j] += solve.row(i)[k] * rest.row(first + k)[j];
        }
      }
    }
    for (index_t i = first + d; i < rest.n; ++i) {
      for (index_t k = 0; k < d; ++k) {
        const double factor = rest.row(i)[first + k];
        const double* coefficients = feedback.row(first + k);
        double* row = rest.row(i);
        for (index_t j = first + d; j < rest.n; ++j) row[j] -= factor * coefficients[j];
      }
    }
  }
};

/// How a quantized matrix compares with the column loop, decision by decision: each decision is
/// judged with the errors that the matrix made before it, so one tie does not spoil the rest.
struct comparison {
  index_t decisions = 0;
  index_t differing = 0;    ///< codes that the loop would have chosen otherwise
  index_t unexplained = 0;  ///< of them, those not within rounding of a tie
  index_t scales = 0;
  index_t other_scales = 0;     ///< scales of other bits than the loop's
  double worst_scale_loss = 0;  ///< largest loss of a stored scale over the loop's, minus 1
};

enum class scale_rule {
  fixed,     ///< fitted on the weights beforehand
  refitted,  ///< fitted when the group's first column is due, on the compensated weights
};

/// Compares q, a quantized form of w with R = E = identity, with what the column loop decides.
template <class Quantized>
class referee {
 public:
  referee(const Quantized& q, const matrix<float>& w, const hessian& h, const column_loop& loop)
      : q_(q), w_(w), loop_(loop), w_hat_(q.dequantize()), importance_(h.diagonal()) {
    for (index_t i = 0; i < w.rows(); ++i) {
      for (index_t j = 0; j < w.cols(); ++j) {
        const auto x = decoded(i, j)[j % d];
        if (x != 0) unit_ = static_cast<double>(w_hat_(i, j)) / static_cast<double>(x);
      }
    }
  }

  comparison judge(scale_rule rule) {
    for (index_t i = 0; i < w_.rows(); ++i) {
      target_.assign(static_cast<std::size_t>(w_.cols()), 0.0);
      for (index_t k = 0; k < w_.cols(); ++k) {
        target_[index(k)] = static_cast<double>(w_(i, loop_.at(k)));
      }
      magnitude_ = target_;
      for (double& value : magnitude_) value = std::fabs(value);
      if (rule == scale_rule::fixed) {
        for (index_t j = 0; j < w_.cols(); j += q_.group_size()) {
          judge_scale(i, j, [&](index_t column) { return static_cast<double>(w_(i, column)); });
        }
      }
      for (index_t k = 0; k < w_.cols(); k += d) {
        if (rule == scale_rule::refitted && k % q_.group_size() == 0) {
          judge_scale(i, k, [&](index_t column) { return target_[index(column)]; });
        }
        judge_code(i, k);
        compensate(i, k);
      }
    }
    return result_;
  }

 private:
  using quantizer_type = std::remove_cvref_t<decltype(std::declval<Quantized>().quantizer())>;
  static constexpr index_t d = quantizer_type::dim;

  static std::size_t index(index_t i) { return static_cast<std::size_t>(i); }

  scale_t<quantizer_type> scale(index_t i, index_t j) const {
    return q_.quantizer().unpack(q_.packed().scales.get(i, j / q_.group_size()));
  }
  std::int32_t code(index_t i, index_t j) const {
    return static_cast<std::int32_t>(q_.packed().codes.get(i, j / d));
  }
  point_t<quantizer_type> decoded(index_t i, index_t j) const {
    return q_.quantizer().decode(code(i, j), scale(i, j));
  }

  template <class Value>
  void judge_scale(index_t i, index_t first, const Value& value) {
    const index_t size = std::min(q_.group_size(), w_.cols() - first);
    std::vector<float> group(index(size));
    for (index_t j = 0; j < size; ++j) {
      group[index(j)] = static_cast<float>(value(first + j) / unit_);
    }
    const group_view<float> view(group.data(), 1, size, importance_.data() + first);
    const auto& quantizer = q_.quantizer();
    const auto expected = quantizer.unpack(quantizer.pack(quantizer.fit(view)));
    const auto stored = scale(i, first);
    ++result_.scales;
    if (quantizer.pack(expected) == quantizer.pack(stored)) return;
    ++result_.other_scales;
    const double ratio = loss(view, stored) / loss(view, expected);
    result_.worst_scale_loss = test::worst(result_.worst_scale_loss, ratio - 1);
  }

  double loss(const group_view<float>& view, const scale_t<quantizer_type>& s) const {
    double sum = 0;
    for (index_t j = 0; j < view.size(); j += d) {
      point_t<quantizer_type> x;
      for (index_t i = 0; i < d; ++i) x[i] = view[j + i];
      const auto y = q_.quantizer().decode(q_.quantizer().encode(x, s), s);
      for (index_t i = 0; i < d; ++i) {
        const auto e = static_cast<double>(x[i] - y[i]);
        sum += static_cast<double>(view.weight(j + i)) * e * e;
      }
    }
    return sum;
  }

  void judge_code(index_t i, index_t k) {
    const index_t column = loop_.at(k);
    const auto s = scale(i, column);
    point_t<quantizer_type> x;
    double slack = 0;
    // A float solver's target is off by n roundings of its terms, times the condition of H.
    const double rounding = 0x1p-24 * static_cast<double>(w_.cols()) * loop_.condition;
    for (index_t c = 0; c < d; ++c) {
      x[c] = static_cast<float>(target_[index(k + c)] / unit_);
      slack += rounding * magnitude_[index(k + c)];
    }
    const std::int32_t expected = q_.quantizer().encode(x, s);
    ++result_.decisions;
    if (expected == code(i, column)) return;
    ++result_.differing;
    const auto best = q_.quantizer().decode(expected, s);
    double farther = 0, apart = 0;
    for (index_t c = 0; c < d; ++c) {
      const double t = target_[index(k + c)], b = static_cast<double>(best[c]) * unit_;
      const auto chosen = static_cast<double>(w_hat_(i, column + c));
      farther += (t - chosen) * (t - chosen) - (t - b) * (t - b);
      apart += std::fabs(chosen - b);
    }
    // |t - a|^2 - |t - b|^2 changes by at most 2 |a - b| times the change of t.
    if (!(farther <= 2 * apart * slack)) ++result_.unexplained;
  }

  /// Spreads the errors of block k that the matrix made, not those the loop would have made.
  void compensate(index_t i, index_t k) {
    for (index_t c = 0; c < d; ++c) {
      const double e = target_[index(k + c)] - static_cast<double>(w_hat_(i, loop_.at(k) + c));
      const double* to = loop_.feedback.row(k + c);
      for (index_t j = k + d; j < w_.cols(); ++j) {
        target_[index(j)] -= e * to[j];
        magnitude_[index(j)] += std::fabs(e * to[j]);
      }
    }
  }

  const Quantized& q_;
  const matrix<float>& w_;
  const column_loop& loop_;
  matrix<float> w_hat_;
  std::vector<float> importance_;
  std::vector<double> target_, magnitude_;  // in coding order
  double unit_ = 1;
  comparison result_;
};

}  // namespace openquant::test
