// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <openquant/metric/logits.hpp>

namespace openquant::metric {

/// What one window of tokens says: KL(teacher || student) of each token in nats, and how many
/// tokens have the same most likely successor in both.
struct window_divergence {
  std::vector<float> per_token;
  index_t agreements = 0;
};

/// KL(teacher || student) of one token over the full softmax, nats, given the largest logits. With
/// a_j = t_j - max t, b_j = s_j - max s, d_j = a_j - b_j and p the teacher's softmax it is
///
///   sum_j p_j d_j + log(sum_j e^{b_j} / sum_j e^{a_j}).
///
/// d_j is formed as (t_j - s_j) - (max t - max s): the differences of close logits are exact.
/// A result below 0 can only be rounding, and is 0.
template <class Arch = default_arch>
double kl_of_token(std::span<const float> teacher, float max_t, std::span<const float> student,
                   float max_s) {
  using lanes = batch<Arch>;
  constexpr float beyond = -0x1p127f;  // of a lane past the end: its exponential is 0
  wide_sum<Arch> z_t, z_s, weighted;
  for (index_t j = 0; j < std::ssize(teacher); j += lane_count<lanes>) {
    const lanes t = load_logits<Arch>(teacher, j, beyond);
    const lanes s = load_logits<Arch>(student, j, beyond);
    const lanes e = exp(t - lanes(max_t));
    z_t.add(e);
    z_s.add(exp(s - lanes(max_s)));
    weighted.add(e * ((t - s) - lanes(max_t - max_s)));
  }
  const double z = z_t.total();
  return std::max(0.0, weighted.total() / z + std::log(z_s.total() / z));
}

/// One window, a pure function: evaluate windows on any threads, then `add` them in order.
///
/// Shapes:  teacher, student : (tokens, vocab)
/// Throws:  openquant::error for different or empty shapes, and for a logit that is not finite
/// Cost:    two passes over both, 2 tokens vocab exponentials
template <class Arch = default_arch>
window_divergence kl_of_window(matrix_view<const float> teacher, matrix_view<const float> student) {
  if (teacher.rows() != student.rows() || teacher.cols() != student.cols() || teacher.empty()) {
    fail("kl_divergence: teacher is (", teacher.rows(), ", ", teacher.cols(), "), student is (",
         student.rows(), ", ", student.cols(), ")");
  }
  window_divergence window;
  window.per_token.reserve(static_cast<std::size_t>(teacher.rows()));
  for (index_t i = 0; i < teacher.rows(); ++i) {
    const auto t = teacher.row(i), s = student.row(i);
    const logit_peak peak_t = find_peak<Arch>(t, "kl_divergence: teacher", i);
    const logit_peak peak_s = find_peak<Arch>(s, "kl_divergence: student", i);
    const double kl = kl_of_token<Arch>(t, peak_t.value, s, peak_s.value);
    window.per_token.push_back(static_cast<float>(kl));
    if (peak_t.index == peak_s.index) ++window.agreements;
  }
  return window;
}

/// A mean over tokens and its standard error over windows.
struct window_mean {
  double mean, standard_error;
};

/// With L_w tokens and sum S_w in window w of W, L = sum L_w: mean m = sum S_w / L, and
///
///   standard_error^2 = W / (W - 1) sum_w (L_w / L)^2 (S_w / L_w - m)^2,
///
/// which for windows of one length is (s.d. of the window means)^2 / W. Tokens of a window are not
/// independent, windows nearly are. One window has no spread: its standard error is NaN.
inline window_mean mean_over_windows(std::span<const double> sums,
                                     std::span<const index_t> tokens) {
  const auto total = static_cast<double>(std::reduce(tokens.begin(), tokens.end()));
  const double mean = std::accumulate(sums.begin(), sums.end(), 0.0) / total;
  if (sums.size() < 2) return {mean, std::numeric_limits<double>::quiet_NaN()};
  double spread = 0;
  for (std::size_t w = 0; w < sums.size(); ++w) {
    const double r = (sums[w] - static_cast<double>(tokens[w]) * mean) / total;
    spread += r * r;
  }
  const auto count = static_cast<double>(sums.size());
  return {mean, std::sqrt(spread * count / (count - 1))};
}

/// Element (n - 1) p of the sorted values, between two of them the straight line.
inline double quantile(std::vector<float> values, double p) {
  const double place = static_cast<double>(values.size() - 1) * p, whole = std::floor(place);
  const auto lower = values.begin() + static_cast<std::ptrdiff_t>(whole);
  std::nth_element(values.begin(), lower, values.end());
  const double below = static_cast<double>(*lower);
  if (place == whole) return below;
  const double above = static_cast<double>(*std::min_element(lower + 1, values.end()));
  return below + (place - whole) * (above - below);
}

/// KL(teacher || student) of a model's next-token distribution, in nats, over a stream of windows.
/// Logits are seen once; one float a token stays, for the quantiles.
class kl_divergence {
 public:
  struct statistics {
    double mean, standard_error, median, p99;  // standard_error: see mean_over_windows
    double top1;                               // fraction of tokens whose argmax agrees
    index_t tokens, windows;
  };

  /// Shapes:  teacher, student : (tokens, vocab); throws as `kl_of_window` does, and adds nothing
  template <class Arch = default_arch>
  void add(matrix_view<const float> teacher, matrix_view<const float> student) {
    add(kl_of_window<Arch>(teacher, student));
  }
  /// Throws openquant::error for a window without tokens.
  void add(const window_divergence& window) {
    const std::vector<float>& kl = window.per_token;
    if (kl.empty()) fail("kl_divergence: window ", std::ssize(sums_), " has no tokens");
    per_token_.insert(per_token_.end(), kl.begin(), kl.end());
    sums_.push_back(std::accumulate(kl.begin(), kl.end(), 0.0));
    tokens_.push_back(std::ssize(kl));
    agreements_ += window.agreements;
  }

  /// Throws openquant::error before the first window.  Cost: linear in the tokens
  statistics result() const {
    if (sums_.empty()) fail("kl_divergence: no window was added");
    const auto [mean, error] = mean_over_windows(sums_, tokens_);
    const auto tokens = std::ssize(per_token_);
    return {.mean = mean,
            .standard_error = error,
            .median = quantile(per_token_, 0.5),
            .p99 = quantile(per_token_, 0.99),
            .top1 = static_cast<double>(agreements_) / static_cast<double>(tokens),
            .tokens = tokens,
            .windows = std::ssize(sums_)};
  }

  /// Mean of a - b, and its standard error from the windows' differences: where both saw the same
  /// windows, what makes a window hard for both cancels.
  /// Throws openquant::error unless the windows agree in number and length.
  friend window_mean compare(const kl_divergence& a, const kl_divergence& b) {
    if (a.sums_.empty() || a.tokens_ != b.tokens_) {
      fail("kl_divergence: compare needs the same windows; a has ", std::ssize(a.sums_), " of ",
           std::ssize(a.per_token_), " tokens in all, b has ", std::ssize(b.sums_), " of ",
           std::ssize(b.per_token_));
    }
    std::vector<double> difference(a.sums_.size());
    std::transform(a.sums_.begin(), a.sums_.end(), b.sums_.begin(), difference.begin(),
                   std::minus<>{});
    return mean_over_windows(difference, a.tokens_);
  }

 private:
  std::vector<float> per_token_;
  std::vector<double> sums_;     // of each window
  std::vector<index_t> tokens_;  // of each window
  index_t agreements_ = 0;
};

}  // namespace openquant::metric
