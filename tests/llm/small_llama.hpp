// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/format/safetensors_writer.hpp>

#include "format/scratch_folder.hpp"

namespace openquant::test {

/// The config.json of a Llama with 2 blocks, an odd vocabulary, heads wider than hidden / heads,
/// grouped queries, an untied head and rotary frequencies in all three ranges of llama3's scaling.
inline nlohmann::json small_llama_config() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"hidden_act", "silu"},
          {"vocab_size", 37},
          {"hidden_size", 24},
          {"intermediate_size", 44},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 10},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 100.0},
          {"rope_scaling",
           {{"rope_type", "llama3"},
            {"factor", 8.0},
            {"low_freq_factor", 1.0},
            {"high_freq_factor", 4.0},
            {"original_max_position_embeddings", 32}}},
          {"tie_word_embeddings", false}};
}

struct small_tensor {
  std::vector<index_t> shape;
  std::vector<float> values;
};
using small_tensors = std::map<std::string, small_tensor>;

/// Random weights for that config: norms about 1, the rest of variance 1 / inputs.
inline small_tensors small_llama_tensors() {
  small_tensors tensors;
  std::uint64_t seed = 0;
  const auto add = [&](const std::string& name, std::vector<index_t> shape) {
    const bool norm = shape.size() == 1;
    const index_t size = norm ? shape[0] : shape[0] * shape[1];
    std::vector<float> values;
    for (index_t i = 0; i < size; ++i) {
      const float x = random::normal(seed, static_cast<std::uint64_t>(i));
      values.push_back(norm ? 1 + 0.2f * x : x / std::sqrt(static_cast<float>(shape[1])));
    }
    tensors[name] = {std::move(shape), std::move(values)};
    ++seed;
  };
  add("model.embed_tokens.weight", {37, 24});
  for (const std::string prefix : {"model.layers.0.", "model.layers.1."}) {
    add(prefix + "input_layernorm.weight", {24});
    add(prefix + "self_attn.q_proj.weight", {40, 24});
    add(prefix + "self_attn.k_proj.weight", {20, 24});
    add(prefix + "self_attn.v_proj.weight", {20, 24});
    add(prefix + "self_attn.o_proj.weight", {24, 40});
    add(prefix + "post_attention_layernorm.weight", {24});
    add(prefix + "mlp.gate_proj.weight", {44, 24});
    add(prefix + "mlp.up_proj.weight", {44, 24});
    add(prefix + "mlp.down_proj.weight", {24, 44});
  }
  add("model.norm.weight", {24});
  add("lm_head.weight", {37, 24});
  return tensors;
}

inline void write_tensors(const std::filesystem::path& path, const small_tensors& tensors) {
  std::map<std::string, format::tensor> views;
  for (const auto& [name, t] : tensors) {
    views[name] = {format::dtype::f32, t.shape, std::as_bytes(std::span(t.values))};
  }
  format::write_safetensors(path, views);
}

/// Writes config.json, two shards and their index.
inline void write_small_llama(const scratch_folder& folder, const small_tensors& tensors) {
  write_text(folder / "config.json", small_llama_config().dump());
  small_tensors shards[2];
  nlohmann::json index;
  for (const auto& [name, t] : tensors) {
    const bool second = name.starts_with("model.layers.1");
    shards[second ? 1 : 0][name] = t;
    index["weight_map"][name] = second ? "model-2-of-2.safetensors" : "model-1-of-2.safetensors";
  }
  write_tensors(folder / "model-1-of-2.safetensors", shards[0]);
  write_tensors(folder / "model-2-of-2.safetensors", shards[1]);
  write_text(folder / "model.safetensors.index.json", index.dump());
}

}  // namespace openquant::test
