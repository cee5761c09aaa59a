// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <utility>
#include <vector>

#include <openquant/concepts/equalizer.hpp>
#include <openquant/concepts/rotation.hpp>
#include <openquant/core/error.hpp>
#include <openquant/core/float16.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/layer/hessian.hpp>

namespace openquant {

/// The basis in which a layer is quantized: equalizer first, rotation second. With S = diag(s),
///
///   W' = W S R^T,   H' = R S^-1 H S^-1 R^T,   x' = x S^-1 R^T,   so that x' W'^T = x W^T.
///
/// s is held in fp16, as it is stored, so that every direction uses the same numbers.
template <Rotation R>
class basis {
 public:
  /// Throws openquant::error where R does not support length n or a scale is not positive in fp16.
  basis(const R& r, index_t n, const std::vector<float>& s) : bound_(r.bind(n)) {
    for (const float value : s) {
      const float16 stored = to_float16(value);
      if (!(to_float(stored) > 0) || !std::isfinite(to_float(stored))) {
        fail("equalizer: scale ", value, " of channel ", scales_.size(),
             " is not positive in fp16");
      }
      scales_.push_back(stored);
    }
  }
  basis(const R& r, index_t n, std::vector<float16> s) : bound_(r.bind(n)), scales_(std::move(s)) {}

  /// s as stored; empty where all are 1.
  const std::vector<float16>& scales() const { return scales_; }

  /// w <- w S R^T for one row.
  void weight_to(std::span<float> w) const {
    for (std::size_t j = 0; j < scales_.size(); ++j) w[j] *= to_float(scales_[j]);
    bound_.apply(w);
  }
  /// The inverse of weight_to.
  void weight_from(std::span<float> w) const {
    bound_.apply_inverse(w);
    for (std::size_t j = 0; j < scales_.size(); ++j) w[j] /= to_float(scales_[j]);
  }
  /// x <- x S^-1 R^T for one token.
  void input_to(std::span<float> x) const {
    for (std::size_t j = 0; j < scales_.size(); ++j) x[j] /= to_float(scales_[j]);
    bound_.apply(x);
  }
  /// H' of the mean over tokens, (n, n).
  matrix<float> hessian_to(const hessian& h) const {
    const index_t n = h.size();
    matrix<float> rotated = h.mean();
    for (int side = 0; side < 2; ++side) {  // rows, then columns: H is symmetric
      for (index_t i = 0; i < n; ++i) input_to(rotated.row(i));
      for (index_t i = 0; i < n; ++i) {
        for (index_t j = 0; j < i; ++j) std::swap(rotated(i, j), rotated(j, i));
      }
    }
    return rotated;
  }

 private:
  decltype(std::declval<const R&>().bind(index_t{})) bound_;
  std::vector<float16> scales_;
};

}  // namespace openquant
