// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <openquant/core/error.hpp>
#include <openquant/core/executor.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/linalg/gram.hpp>

namespace openquant {

/// Second moments of a layer's inputs, H = mean over tokens of x^T x: what the error of a weight
/// costs. Layers that read the same input (q, k, v; gate, up) share one. Sums are in double.
class hessian {
 public:
  explicit hessian(index_t n) : moments_(checked(n), n) {}
  /// Of sums over tokens that were gathered elsewhere; above the diagonal they are not read.
  ///
  /// Shapes:  sums : (n, n); throws openquant::error otherwise, and with row and column where a sum
  ///          is none of as many tokens: not finite, above 2^100 for each of them, or negative on
  ///          the diagonal
  hessian(matrix<double> sums, index_t tokens) : moments_(std::move(sums)), tokens_(tokens) {
    checked(moments_.rows());
    if (moments_.cols() != size() || tokens < 0) {
      fail("hessian: sums are (", size(), ", ", moments_.cols(), "), of ", tokens, " tokens");
    }
    const double most = 0x1p100 * static_cast<double>(tokens);
    for (index_t i = 0; i < size(); ++i) {
      for (index_t j = 0; j <= i; ++j) {
        const double sum = moments_(i, j);
        if (std::fabs(sum) <= most && (i != j || sum >= 0)) continue;
        fail("hessian: the sum (", i, ", ", j, ") = ", sum, " is none of ", tokens, " tokens");
      }
    }
  }

  /// Accumulates any number of tokens. All of x is checked first, so a refused call changes
  /// nothing.
  ///
  /// Shapes:  x : (tokens, n); throws openquant::error otherwise, and with row and column where an
  ///          input is not finite or above 2^50, where products in float would overflow
  /// Cost:    tokens n^2 flops
  void add(matrix_view<const float> x) {
    if (x.cols() != size()) {
      fail("hessian.add: x is (", x.rows(), ", ", x.cols(), "), the Hessian is of order ", size());
    }
    for (index_t t = 0; t < x.rows(); ++t) {
      for (index_t j = 0; j < x.cols(); ++j) {
        if (!(std::fabs(x(t, j)) < largest)) {
          fail("hessian.add: x(", t, ", ", j, ") = ", x(t, j), " is not finite or above 2^50");
        }
      }
    }
    linalg::add_gram(x, moments_);
    tokens_ += x.rows();
  }

  /// Accumulates what another one has seen, so that threads can calibrate apart.
  void add(const hessian& other) {
    if (other.size() != size()) {
      fail("hessian.add: orders ", size(), " and ", other.size(), " differ");
    }
    for (index_t i = 0; i < size(); ++i) {
      for (index_t j = 0; j <= i; ++j) moments_(i, j) += other.moments_(i, j);
    }
    tokens_ += other.tokens_;
  }

  index_t size() const { return moments_.rows(); }
  index_t tokens() const { return tokens_; }

  /// Element (i, j) of the mean over tokens; 0 before the first token.
  double operator()(index_t i, index_t j) const {
    const double sum = i < j ? moments_(j, i) : moments_(i, j);
    return tokens_ == 0 ? 0.0 : sum / static_cast<double>(tokens_);
  }
  /// The mean over tokens, (n, n).
  template <Executor X = serial>
  matrix<float> mean(X&& executor = {}) const {
    const index_t n = size();
    const auto tokens = static_cast<double>(std::max(tokens_, index_t{1}));
    matrix<float> h(n, n);
    executor.run(n, [&](index_t i) {
      for (index_t j = 0; j <= i; ++j) h(i, j) = static_cast<float>(moments_(i, j) / tokens);
    });
    mirror_lower(h.view());
    return h;
  }
  /// The diagonal of the mean, (n).
  std::vector<float> diagonal() const {
    std::vector<float> d;
    for (index_t j = 0; j < size(); ++j) d.push_back(static_cast<float>((*this)(j, j)));
    return d;
  }
  /// Channels whose input was zero in every token.
  std::vector<index_t> dead_channels() const {
    std::vector<index_t> dead;
    for (index_t j = 0; j < size(); ++j) {
      if (moments_(j, j) == 0) dead.push_back(j);
    }
    return dead;
  }

 private:
  static constexpr float largest = 0x1p50f;

  static index_t checked(index_t n) {
    if (n < 1) fail("hessian: order ", n, " is not positive");
    return n;
  }

  matrix<double> moments_;  // (n, n), on and below the diagonal
  index_t tokens_ = 0;
};

}  // namespace openquant
