// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include <openquant/linalg/gemm.hpp>

#include "llm/nonlinear.hpp"

namespace llm {

/// Causal attention of one head: out_t = sum_{s <= t} softmax_s(q_t . k_s / sqrt(d)) v_s.
///
/// Shapes:  q, k, v, out : (tokens, d); out does not overlap the others
/// Cost:    about 2 tokens^2 d flops
template <class Arch = oq::default_arch>
void attend(oq::matrix_view<const float> q, oq::matrix_view<const float> k,
            oq::matrix_view<const float> v, oq::matrix_view<float> out) {
  using oq::linalg::op;
  const oq::index_t tokens = q.rows(), d = q.cols();
  const float scale = 1 / std::sqrt(static_cast<float>(d));
  // Some queries at a time, against the keys up to the last of them: half of the square is skipped.
  constexpr oq::index_t most = 64;
  oq::matrix<float> scratch(std::min(most, tokens), tokens);
  for (oq::index_t first = 0; first < tokens; first += most) {
    const oq::index_t queries = std::min(most, tokens - first), keys = first + queries;
    const auto scores = scratch.view().block(0, 0, queries, keys);
    oq::linalg::gemm<op::none, op::transpose>(scale, q.block(first, 0, queries, d),
                                              k.block(0, 0, keys, d), 0, scores);
    for (oq::index_t i = 0; i < queries; ++i) {
      const auto row = scores.row(i);
      const auto seen = static_cast<std::size_t>(first + i + 1);
      softmax<Arch>(row.first(seen));
      std::ranges::fill(row.subspan(seen), 0.0f);
    }
    oq::linalg::gemm(1, scores, v.block(0, 0, keys, d), 0, out.block(first, 0, queries, d));
  }
}

}  // namespace llm
