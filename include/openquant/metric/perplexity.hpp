// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <span>

#include <openquant/metric/logits.hpp>

namespace openquant::metric {

/// sum_i -log softmax(logits_i)[targets_i], nats.
///
/// Shapes:  logits : (tokens, vocab), targets : (tokens)
/// Throws:  openquant::error for other shapes, a target outside the vocabulary, and a logit that is
///          not finite
/// Cost:    two passes over the logits, tokens vocab exponentials
template <class Arch = default_arch>
double negative_log_likelihood(matrix_view<const float> logits,
                               std::span<const std::uint32_t> targets) {
  using lanes = batch<Arch>;
  const index_t vocab = logits.cols();
  if (logits.rows() != std::ssize(targets) || logits.empty()) {
    fail("perplexity: logits are (", logits.rows(), ", ", vocab, "), targets are (",
         std::ssize(targets), ")");
  }
  double sum = 0;
  for (index_t i = 0; i < logits.rows(); ++i) {
    const index_t target = targets[static_cast<std::size_t>(i)];
    if (target >= vocab) {
      fail("perplexity: target ", target, " of token ", i, " is outside a vocabulary of ", vocab);
    }
    const auto row = logits.row(i);
    const float largest = find_peak<Arch>(row, "perplexity", i).value;
    wide_sum<Arch> z;
    for (index_t j = 0; j < vocab; j += lane_count<lanes>) {
      z.add(exp(load_logits<Arch>(row, j, -0x1p127f) - lanes(largest)));
    }
    const double own = static_cast<double>(logits(i, target)) - static_cast<double>(largest);
    sum += std::log(z.total()) - own;
  }
  return sum;
}

/// exp(mean negative log-likelihood of a token), over any number of windows.
class perplexity {
 public:
  /// Throws openquant::error for a sum that is negative or not finite, and for fewer than 1 token.
  void add(double nll_sum, index_t tokens) {
    if (!(std::isfinite(nll_sum) && nll_sum >= 0) || tokens < 1) {
      fail("perplexity: a sum of ", nll_sum, " over ", tokens, " tokens");
    }
    nll_sum_ += nll_sum;
    tokens_ += tokens;
  }

  index_t tokens() const { return tokens_; }
  /// Throws openquant::error before the first token.
  double value() const {
    if (tokens_ == 0) fail("perplexity: no token was added");
    return std::exp(nll_sum_ / static_cast<double>(tokens_));
  }

 private:
  double nll_sum_ = 0;
  index_t tokens_ = 0;
};

}  // namespace openquant::metric
