// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>

#include <openquant/concepts/quantizer.hpp>

namespace openquant::quantizer {

/// True of a quantizer with one scale that says what coding a point costs, for less work than
/// coding it:
///
///   Q::loss_unit    a length, in scales
///   q.loss(u, h)    sum_i h_i (u_i - u^_i)^2, but for rounding, where u^ is what the point u is
///                   decoded as under the scale 1 / loss_unit
template <class Q, class T>
concept tells_loss = Q::scale_fields == 1 && requires(const Q q, point_t<Q, T> u) {
  Q::loss_unit;
  q.loss(u, u);
};

/// The scale of least loss sum_j h_j (x_j - decode(encode(x_j, s)))^2 among all that were tried,
/// for each lane by itself; the first of equals. What every searched scale of this folder goes
/// through: a quantizer says only which candidates there are.
///
/// Shapes:  group : (g), g a multiple of Q::dim; candidate(k) : scale_t<Q, T>, k = 0, ...,
///          count - 1; at least one
/// Cost:    of a candidate, g / dim encodings and decodings, or losses where Q tells them
template <class T, class Q>
class scale_search {
 public:
  OPENQUANT_HD scale_search(const Q& q, const group_view<T>& group) : q_(q), group_(group) {}

  template <class Candidate>
  OPENQUANT_HD void among(index_t count, const Candidate& candidate) {
    OPENQUANT_EXPECTS(count > 0);
    if constexpr (std::is_same_v<T, float>) {
      if (group_.searched_by_team()) return share(count, candidate);
    }
    // What is read and broadcast serves several candidates where a point is next to no work.
    constexpr index_t several = Q::dim == 1 ? 4 : 1;
    const index_t together = count / several * several;
    for (index_t k = 0; k < together; k += several) compare<several>(k, candidate);
    for (index_t k = together; k < count; ++k) compare<1>(k, candidate);
  }

  OPENQUANT_HD const scale_t<Q, T>& best() const { return best_; }

 private:
  /// The same by the group's team, a candidate to a thread.
  template <class Candidate>
  OPENQUANT_HD void share(index_t count, const Candidate& candidate) {
    using entry = team::entry<scale_t<Q, T>>;
    const bool first = empty_;
    entry best;
    if (!first) best = {least_, -1, best_};
    group_.team().least(count, best, [&](index_t k, entry& mine) {
      const scale_t<Q, T> s = candidate(k);
      mine.consider(losses<1>({s})[0], static_cast<std::int32_t>(k), s, first && k == 0);
    });
    least_ = best.loss, best_ = best.value, empty_ = false;
  }

  template <index_t n, class Candidate>
  OPENQUANT_HD void compare(index_t first, const Candidate& candidate) {
    vec<scale_t<Q, T>, n> s;
    OPENQUANT_UNROLL
    for (index_t k = 0; k < n; ++k) s[k] = candidate(first + k);
    const vec<T, n> loss = losses(s);
    OPENQUANT_UNROLL
    for (index_t k = 0; k < n; ++k) {
      if (empty_) best_ = s[k];
      const auto better = empty_ ? loss[k] >= T(0.0f) : loss[k] < least_;
      least_ = select(better, loss[k], least_);
      OPENQUANT_UNROLL
      for (index_t i = 0; i < Q::scale_fields; ++i) best_[i] = select(better, s[k][i], best_[i]);
      empty_ = false;
    }
  }

  template <index_t n>
  OPENQUANT_HD vec<T, n> losses(const vec<scale_t<Q, T>, n>& s) const {
    vec<T, n> unit, inverse, sum;
    if constexpr (tells_loss<Q, T>) {
      OPENQUANT_UNROLL
      for (index_t k = 0; k < n; ++k) {
        unit[k] = s[k][0] * T(Q::loss_unit);
        inverse[k] = select(unit[k] > T(0.0f), T(1.0f) / unit[k], T(0.0f));
      }
    }
    OPENQUANT_UNROLL
    for (index_t k = 0; k < n; ++k) sum[k] = T(0.0f);
    for (index_t j = 0; j < group_.size(); j += Q::dim) {
      point_t<Q, T> x, h;
      OPENQUANT_UNROLL
      for (index_t i = 0; i < Q::dim; ++i) x[i] = group_[j + i];
      OPENQUANT_UNROLL
      for (index_t i = 0; i < Q::dim; ++i) h[i] = T(group_.weight(j + i));
      OPENQUANT_UNROLL
      for (index_t k = 0; k < n; ++k) {
        if constexpr (tells_loss<Q, T>) {
          sum[k] = sum[k] + q_.loss(x * inverse[k], h);
        } else {
          const point_t<Q, T> error = x - q_.decode(q_.encode(x, s[k]), s[k]);
          OPENQUANT_UNROLL
          for (index_t i = 0; i < Q::dim; ++i) sum[k] = sum[k] + h[i] * (error[i] * error[i]);
        }
      }
    }
    if constexpr (tells_loss<Q, T>) {
      OPENQUANT_UNROLL
      for (index_t k = 0; k < n; ++k) sum[k] = sum[k] * (unit[k] * unit[k]);
    }
    return sum;
  }

  const Q& q_;
  group_view<T> group_;
  scale_t<Q, T> best_{};
  T least_ = T(0.0f);
  bool empty_ = true;
};

/// The best of candidate(0), ..., candidate(count - 1).
template <class T, class Q, class Candidate>
OPENQUANT_HD scale_t<Q, T> best_scale(const Q& q, const group_view<T>& group, index_t count,
                                      const Candidate& candidate) {
  scale_search<T, Q> search(q, group);
  search.among(count, candidate);
  return search.best();
}

}  // namespace openquant::quantizer
