// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <openquant/core/matrix.hpp>

#include "llm/checkpoint.hpp"
#include "llm/config.hpp"

namespace llm {

/// The linear layers of a block.
enum class role { q, k, v, o, gate, up, down };
inline constexpr std::array roles{role::q,    role::k,  role::v,   role::o,
                                  role::gate, role::up, role::down};

/// "q", "gate"...
constexpr std::string_view name(role r) {
  constexpr std::array<std::string_view, 7> names{"q", "k", "v", "o", "gate", "up", "down"};
  return names[static_cast<std::size_t>(r)];
}

/// Beginning of the names of a block's tensors in a checkpoint: "model.layers.3."
inline std::string tensor_prefix(oq::index_t layer) {
  return std::string("model.layers.").append(std::to_string(layer)).append(".");
}
/// Name of a linear layer's tensor in a checkpoint: "model.layers.3.self_attn.q_proj.weight"
inline std::string tensor_name(oq::index_t layer, role r) {
  const std::string part = r < role::gate ? "self_attn." : "mlp.";
  return tensor_prefix(layer) + part + std::string(name(r)) + "_proj.weight";
}

/// One decoder block. Linear layers are (out, in); each may be replaced by one of the same shape.
struct block {
  std::array<oq::matrix<float>, roles.size()> linear;  ///< by role
  std::vector<float> attention_norm, mlp_norm;         ///< (hidden)
  std::vector<float> q_norm, k_norm;                   ///< (head_dim); empty in Llama

  oq::matrix<float>& weight(role r) { return linear[static_cast<std::size_t>(r)]; }
  const oq::matrix<float>& weight(role r) const { return linear[static_cast<std::size_t>(r)]; }
};

struct model {
  llm::config config;
  oq::matrix<float> embedding;  ///< (vocab, hidden)
  std::vector<block> blocks;
  std::vector<float> final_norm;  ///< (hidden)
  oq::matrix<float> untied_head;  ///< (vocab, hidden); empty where the embedding serves

  const oq::matrix<float>& head() const {
    return config.tie_word_embeddings ? embedding : untied_head;
  }
};

/// (out, in) of a linear layer.
inline std::array<oq::index_t, 2> shape(const config& c, role r) {
  switch (r) {
    case role::q:
      return {c.query_size(), c.hidden_size};
    case role::k:
    case role::v:
      return {c.key_value_size(), c.hidden_size};
    case role::o:
      return {c.hidden_size, c.query_size()};
    case role::gate:
    case role::up:
      return {c.intermediate_size, c.hidden_size};
    default:
      return {c.hidden_size, c.intermediate_size};
  }
}

inline block load_block(const config& c, const checkpoint& weights, oq::index_t layer) {
  const std::string prefix = tensor_prefix(layer);
  block b;
  b.attention_norm = weights.vector(prefix + "input_layernorm.weight", c.hidden_size);
  b.mlp_norm = weights.vector(prefix + "post_attention_layernorm.weight", c.hidden_size);
  if (c.qk_norm) {
    b.q_norm = weights.vector(prefix + "self_attn.q_norm.weight", c.head_dim);
    b.k_norm = weights.vector(prefix + "self_attn.k_norm.weight", c.head_dim);
  }
  for (const role r : roles) {
    const auto [rows, cols] = shape(c, r);
    b.weight(r) = weights.matrix(tensor_name(layer, r), rows, cols);
  }
  return b;
}

/// A Llama or Qwen3 model from its Hugging Face folder, weights as float.
///
/// Throws: error naming file, key or tensor, if a file is missing or malformed, the model is of
///         another kind, or a weight is absent, of another shape or not finite
inline model load_model(const std::filesystem::path& folder) {
  model m;
  m.config = read_config(folder / "config.json");
  const config& c = m.config;
  const checkpoint weights(folder);
  m.embedding = weights.matrix("model.embed_tokens.weight", c.vocab_size, c.hidden_size);
  for (oq::index_t layer = 0; layer < c.num_hidden_layers; ++layer) {
    m.blocks.push_back(load_block(c, weights, layer));
  }
  m.final_norm = weights.vector("model.norm.weight", c.hidden_size);
  if (!c.tie_word_embeddings) {
    m.untied_head = weights.matrix("lm_head.weight", c.vocab_size, c.hidden_size);
  }
  return m;
}

}  // namespace llm
