// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/contract.hpp>
#include <openquant/core/lane.hpp>
#include <openquant/core/team.hpp>

namespace openquant {

/// The weights that share one scale, as the quantizer's `fit` sees them: element j is one weight of
/// a row (T = float), or one of each of `lane_count<T>` rows that lie in the lanes. Element j has
/// importance h_j, the diagonal of the Hessian; without one every importance is 1.
template <class T>
class group_view {
 public:
  /// Element j is at data + j * stride; h is null or holds `size` importances. A team of several
  /// threads fits it together.
  OPENQUANT_HD group_view(const float* data, index_t stride, index_t size, const float* h = nullptr,
                          openquant::team team = {})
      : data_(data), h_(h), stride_(stride), size_(size), team_(team) {}

  OPENQUANT_HD index_t size() const { return size_; }
  OPENQUANT_HD T operator[](index_t j) const {
    OPENQUANT_EXPECTS(0 <= j && j < size_);
    return load<T>(data_ + j * stride_);
  }
  OPENQUANT_HD float weight(index_t j) const { return h_ == nullptr ? 1.0f : h_[j]; }
  /// True where every importance is 0: nothing then tells one scale from another.
  OPENQUANT_HD bool weightless() const {
    if (h_ == nullptr) return false;
    for (index_t j = 0; j < size_; ++j) {
      if (h_[j] != 0) return false;
    }
    return true;
  }
  /// The same weights, every importance 1.
  OPENQUANT_HD group_view unweighted() const { return {data_, stride_, size_, nullptr, team_}; }

  /// Whether a search over scales is to be done by `team().least`: by several threads, and in
  /// device code always, so that there is one code.
  OPENQUANT_HD bool searched_by_team() const {
#if defined(__CUDA_ARCH__)
    return true;
#else
    return team_.threads > 1;
#endif
  }
  OPENQUANT_HD openquant::team team() const { return team_; }

 private:
  const float* data_;
  const float* h_;
  index_t stride_, size_;
  openquant::team team_;
};

}  // namespace openquant
