// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/concepts/quantizer.hpp>

namespace openquant::quantizer {

/// The candidate k in [0, count) with the least loss sum_j h_j (x_j - decode(encode(x_j, s_k)))^2,
/// for each lane by itself; the first of equals. What every searched scale of this folder goes
/// through: a quantizer says only which candidates there are.
///
/// Shapes:  group : (g), g a multiple of Q::dim; candidate(k) : scale_t<Q, T>
/// Cost:    count * g encodings
template <class T, class Q, class Candidate>
OPENQUANT_HD scale_t<Q, T> best_scale(const Q& q, const group_view<T>& group, index_t count,
                                      const Candidate& candidate) {
  scale_t<Q, T> best = candidate(index_t{0});
  T best_loss = T(0.0f);
  for (index_t k = 0; k < count; ++k) {
    const scale_t<Q, T> s = candidate(k);
    T loss = T(0.0f);
    for (index_t j = 0; j < group.size(); j += Q::dim) {
      point_t<Q, T> x;
      for (index_t i = 0; i < Q::dim; ++i) x[i] = group[j + i];
      const point_t<Q, T> error = x - q.decode(q.encode(x, s), s);
      for (index_t i = 0; i < Q::dim; ++i) {
        loss = loss + T(group.weight(j + i)) * (error[i] * error[i]);
      }
    }
    const auto better = k == 0 ? loss >= T(0.0f) : loss < best_loss;
    best_loss = select(better, loss, best_loss);
    for (index_t i = 0; i < Q::scale_fields; ++i) best[i] = select(better, s[i], best[i]);
  }
  return best;
}

}  // namespace openquant::quantizer
