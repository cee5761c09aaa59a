// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>

#include <openquant/core/error.hpp>
#include <openquant/linalg/gemm.hpp>

#include "llm/attention.hpp"
#include "llm/model.hpp"
#include "llm/rotary.hpp"

/// The forward pass in float, over one window of tokens whose positions start at 0. Everything runs
/// on the calling thread and only reads the model, so windows may run in parallel.
namespace llm {

/// The places where a block's linear layers read: layers of one site share their input.
enum class site { attention, attention_output, mlp, mlp_output };

/// The site at which a layer reads.
constexpr site input_site(role r) {
  switch (r) {
    case role::o:
      return site::attention_output;
    case role::gate:
    case role::up:
      return site::mlp;
    case role::down:
      return site::mlp_output;
    default:
      return site::attention;
  }
}

/// Is called as observe(site, x) with what enters the layers of each site, x : (tokens, in).
struct no_observer {
  void operator()(site, oq::matrix_view<const float>) const {}
};

/// Rows of the embedding.
///
/// Shapes:  tokens : (n) -> (n, hidden)
/// Throws:  error naming the position of a token outside the vocabulary
inline oq::matrix<float> embed(const model& m, std::span<const std::uint32_t> tokens) {
  oq::matrix<float> hidden(std::ssize(tokens), m.config.hidden_size);
  for (oq::index_t t = 0; t < hidden.rows(); ++t) {
    const oq::index_t id = tokens[static_cast<std::size_t>(t)];
    if (id >= m.config.vocab_size) {
      oq::fail("embed: token ", t, " is ", id, ", the vocabulary has ", m.config.vocab_size);
    }
    std::ranges::copy(m.embedding.row(id), hidden.row(t).begin());
  }
  return hidden;
}

/// Norm of each head where the model has one, then its rotary positions.
template <class Arch>
void place_heads(const config& c, const rotary& positions, std::span<const float> norm,
                 oq::matrix_view<float> heads) {
  for (oq::index_t j = 0; j < heads.cols(); j += c.head_dim) {
    const auto head = heads.block(0, j, heads.rows(), c.head_dim);
    if (!norm.empty()) rms_norm<Arch>(head, norm, c.rms_norm_eps, head);
    positions.apply(head);
  }
}

/// hidden <- block(hidden). An engine with its own products passes `multiply`, called as
/// multiply(role, x, y): y <- x W^T for the layer of that role.
///
/// Shapes:  hidden : (tokens, hidden)
/// Throws:  error for another width, or a layer that was replaced by one of another shape
template <class Arch = oq::default_arch, class Observer, class Multiply>
void run_block(const model& m, const block& b, oq::matrix_view<float> hidden, Observer&& observe,
               Multiply&& multiply) {
  using matrix = oq::matrix<float>;
  const config& c = m.config;
  const oq::index_t tokens = hidden.rows(), d = c.head_dim;
  if (hidden.cols() != c.hidden_size) {
    oq::fail("run_block: hidden states of ", hidden.cols(), ", the model has ", c.hidden_size);
  }
  const auto add_to_hidden = [&](const matrix& x) {
    for (oq::index_t t = 0; t < tokens; ++t) {
      for (oq::index_t j = 0; j < x.cols(); ++j) hidden(t, j) += x(t, j);
    }
  };
  matrix input(tokens, c.hidden_size), output = input;

  rms_norm<Arch>(hidden, b.attention_norm, c.rms_norm_eps, input);
  observe(site::attention, input.view());
  matrix q(tokens, c.query_size()), k(tokens, c.key_value_size()), v = k, mixed = q;
  multiply(role::q, input.view(), q.view());
  multiply(role::k, input.view(), k.view());
  multiply(role::v, input.view(), v.view());
  const rotary positions(c, tokens);
  place_heads<Arch>(c, positions, b.q_norm, q);
  place_heads<Arch>(c, positions, b.k_norm, k);
  const oq::index_t sharing = c.num_attention_heads / c.num_key_value_heads;
  for (oq::index_t h = 0; h < c.num_attention_heads; ++h) {
    const auto head = [&](matrix& x, oq::index_t i) { return x.view().block(0, i * d, tokens, d); };
    attend<Arch>(head(q, h), head(k, h / sharing), head(v, h / sharing), head(mixed, h));
  }
  observe(site::attention_output, mixed.view());
  multiply(role::o, mixed.view(), output.view());
  add_to_hidden(output);

  rms_norm<Arch>(hidden, b.mlp_norm, c.rms_norm_eps, input);
  observe(site::mlp, input.view());
  matrix gate(tokens, c.intermediate_size), up = gate;
  multiply(role::gate, input.view(), gate.view());
  multiply(role::up, input.view(), up.view());
  swiglu<Arch>(gate, up);
  observe(site::mlp_output, gate.view());
  multiply(role::down, gate.view(), output.view());
  add_to_hidden(output);
}

/// With the block's own weights.
template <class Arch = oq::default_arch, class Observer = no_observer>
void run_block(const model& m, const block& b, oq::matrix_view<float> hidden,
               Observer&& observe = {}) {
  using oq::linalg::op;
  run_block<Arch>(m, b, hidden, observe,
                  [&](role r, oq::matrix_view<const float> x, oq::matrix_view<float> y) {
                    oq::linalg::gemm<op::none, op::transpose>(1, x, b.weight(r), 0, y);
                  });
}

/// The final norm and the head. The states may be some rows of a window's, where all logits at once
/// would be too many.
///
/// Shapes:  hidden : (tokens, hidden), out : (tokens, vocab); throws error otherwise
template <class Arch = oq::default_arch>
void logits(const model& m, oq::matrix_view<const float> hidden, oq::matrix_view<float> out) {
  using oq::linalg::op;
  const config& c = m.config;
  if (hidden.cols() != c.hidden_size || out.rows() != hidden.rows() || out.cols() != c.vocab_size) {
    oq::fail("logits: hidden states (", hidden.rows(), ", ", hidden.cols(), ") into (", out.rows(),
             ", ", out.cols(), "), the model has ", c.hidden_size, " and ", c.vocab_size);
  }
  oq::matrix<float> normed(hidden.rows(), hidden.cols());
  rms_norm<Arch>(hidden, m.final_norm, c.rms_norm_eps, normed);
  oq::linalg::gemm<op::none, op::transpose>(1, normed, m.head(), 0, out);
}

}  // namespace llm
