// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/concepts/quantizer.hpp>

/// One group of weights through a quantizer in one CUDA thread.
template <openquant::Quantizer Q>
__global__ void round_trip(Q q, const float* w, openquant::index_t points, float* w_hat) {
  const auto s = q.unpack(q.pack(q.fit(openquant::group_view<float>(w, 1, points * Q::dim))));
  for (openquant::index_t p = 0; p < points; ++p) {
    openquant::point_t<Q> x;
    for (openquant::index_t k = 0; k < Q::dim; ++k) x[k] = w[p * Q::dim + k];
    x = q.decode(q.encode(x, s), s);
    for (openquant::index_t k = 0; k < Q::dim; ++k) w_hat[p * Q::dim + k] = x[k];
  }
}
