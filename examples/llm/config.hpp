// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include <openquant/core/config.hpp>
#include <openquant/core/error.hpp>

namespace llm {

namespace oq = openquant;

/// How the rotary frequencies of a longer context derive from those the model was trained with.
struct rope_scaling {
  enum class kind { none, linear, llama3 };
  kind type = kind::none;
  double factor = 1;
  double low_freq_factor = 1, high_freq_factor = 4;  ///< llama3 only, as is the next
  double original_max_position_embeddings = 8192;
};

/// What config.json says of a Llama or Qwen3 decoder, under the names it uses there.
struct config {
  oq::index_t vocab_size = 0, hidden_size = 0, intermediate_size = 0, num_hidden_layers = 0;
  oq::index_t num_attention_heads = 0, num_key_value_heads = 0, head_dim = 0;
  float rms_norm_eps = 0;
  double rope_theta = 10000;
  llm::rope_scaling rope_scaling;
  bool tie_word_embeddings = false;
  bool qk_norm = false;  ///< Qwen3: an RMSNorm on each head of q and k

  oq::index_t query_size() const { return num_attention_heads * head_dim; }
  oq::index_t key_value_size() const { return num_key_value_heads * head_dim; }
};

/// A JSON object whose values are asked for by key and type. Messages begin with `where`; null
/// counts as absent.
class json_object {
 public:
  json_object(const nlohmann::json& values, std::string where)
      : values_(values), where_(std::move(where)) {
    if (!values.is_object()) oq::fail(where_, ": not a JSON object but ", values.type_name());
  }

  bool has(const char* key) const { return values_.contains(key) && !values_[key].is_null(); }
  const nlohmann::json& at(const char* key) const {
    if (!has(key)) oq::fail(where_, ": no key \"", key, "\"");
    return values_[key];
  }
  template <class... Parts>
  [[noreturn]] void refuse(const char* key, const Parts&... parts) const {
    oq::fail(where_, ": \"", key, "\" is ", values_[key].dump(), ", ", parts...);
  }

  oq::index_t count(const char* key) const {
    constexpr oq::index_t most = 1 << 30;  // products of two counts stay in range
    const nlohmann::json& value = at(key);
    // An unsigned number beyond index_t comes out negative.
    if (!value.is_number_integer() || value.get<oq::index_t>() < 1 ||
        value.get<oq::index_t>() > most) {
      refuse(key, "not an integer in [1, 2^30]");
    }
    return value.get<oq::index_t>();
  }
  double positive(const char* key) const {
    const nlohmann::json& value = at(key);
    if (!value.is_number() || !(value.get<double>() > 0) || std::isinf(value.get<double>())) {
      refuse(key, "not a positive number");
    }
    return value.get<double>();
  }
  std::string text(const char* key) const {
    if (!at(key).is_string()) refuse(key, "not a text");
    return at(key).get<std::string>();
  }
  /// False where the key is absent.
  bool flag(const char* key) const {
    if (!has(key)) return false;
    if (!at(key).is_boolean()) refuse(key, "not true or false");
    return at(key).get<bool>();
  }

  const nlohmann::json& values() const { return values_; }

 private:
  const nlohmann::json& values_;
  std::string where_;
};

/// The frequencies' scaling, from "rope_scaling" or the "rope_parameters" of transformers 5.
inline rope_scaling parse_rope_scaling(const json_object& rope) {
  for (const char* key : {"full_attention", "sliding_attention"}) {
    if (rope.has(key)) rope.refuse(key, "rope parameters by layer type are not supported");
  }
  const char* key = rope.has("rope_type") ? "rope_type" : "type";
  const std::string type = rope.has(key) ? rope.text(key) : "default";
  rope_scaling scaling;
  if (type == "default") return scaling;
  if (type != "linear" && type != "llama3") {
    rope.refuse(key, "supported are \"default\", \"linear\", \"llama3\"");
  }
  scaling.factor = rope.positive("factor");
  scaling.type = rope_scaling::kind::linear;
  if (type == "llama3") {
    scaling.type = rope_scaling::kind::llama3;
    scaling.low_freq_factor = rope.positive("low_freq_factor");
    scaling.high_freq_factor = rope.positive("high_freq_factor");
    scaling.original_max_position_embeddings = rope.positive("original_max_position_embeddings");
    if (scaling.high_freq_factor <= scaling.low_freq_factor) {
      rope.refuse("high_freq_factor", "not above low_freq_factor ", scaling.low_freq_factor);
    }
  }
  return scaling;
}

/// Throws where the file asks for arithmetic that this engine does not do.
inline void refuse_unsupported(const json_object& values) {
  if (values.has("hidden_act") && values.text("hidden_act") != "silu") {
    values.refuse("hidden_act", "supported is \"silu\"");
  }
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    if (values.flag(key)) values.refuse(key, "biases are not supported");
  }
  // A window without the switch beside it is in use, as in Mistral.
  const bool switched_off = values.has("use_sliding_window") && !values.flag("use_sliding_window");
  if (values.has("sliding_window") && !switched_off) {
    values.refuse("sliding_window", "sliding windows are not supported");
  }
  if (values.has("layer_types")) {
    for (const auto& type : values.at("layer_types")) {
      if (type != "full_attention") {
        values.refuse("layer_types", "supported is \"full_attention\" alone");
      }
    }
  }
  if (values.has("partial_rotary_factor") && values.positive("partial_rotary_factor") != 1) {
    values.refuse("partial_rotary_factor", "supported is 1");
  }
  if (values.has("quantization_config")) {
    values.refuse("quantization_config", "the weights must not be quantized yet");
  }
}

/// Throws: error naming `where`, the key and its value, for a missing key, a value of the wrong
///         type or out of range, and an architecture or option that this engine does not compute
inline config parse_config(const nlohmann::json& json, const std::string& where) {
  const json_object values(json, where);
  const nlohmann::json& architectures = values.at("architectures");
  if (architectures != nlohmann::json::array({"LlamaForCausalLM"}) &&
      architectures != nlohmann::json::array({"Qwen3ForCausalLM"})) {
    values.refuse("architectures",
                  "supported are [\"LlamaForCausalLM\"] and [\"Qwen3ForCausalLM\"]");
  }
  refuse_unsupported(values);
  config c;
  c.qk_norm = architectures[0] == "Qwen3ForCausalLM";
  c.vocab_size = values.count("vocab_size");
  c.hidden_size = values.count("hidden_size");
  c.intermediate_size = values.count("intermediate_size");
  c.num_hidden_layers = values.count("num_hidden_layers");
  c.num_attention_heads = values.count("num_attention_heads");
  c.num_key_value_heads = values.has("num_key_value_heads") ? values.count("num_key_value_heads")
                                                            : c.num_attention_heads;
  if (c.num_attention_heads % c.num_key_value_heads != 0) {
    values.refuse("num_key_value_heads", "not a divisor of ", c.num_attention_heads, " heads");
  }
  if (values.has("head_dim")) {
    c.head_dim = values.count("head_dim");
    if (c.head_dim % 2 != 0) values.refuse("head_dim", "odd; rotary positions turn pairs");
  } else {
    if (c.hidden_size % (2 * c.num_attention_heads) != 0) {
      values.refuse("hidden_size", "no head_dim is given, and ", c.num_attention_heads,
                    " heads of an even size do not divide it");
    }
    c.head_dim = c.hidden_size / c.num_attention_heads;
  }
  c.rms_norm_eps = static_cast<float>(values.positive("rms_norm_eps"));
  c.tie_word_embeddings = values.flag("tie_word_embeddings");

  if (values.has("rope_theta")) c.rope_theta = values.positive("rope_theta");
  if (values.has("rope_parameters")) {
    const json_object rope(values.at("rope_parameters"), where + ": rope_parameters");
    if (rope.has("rope_theta")) c.rope_theta = rope.positive("rope_theta");
    if (rope.has("partial_rotary_factor") && rope.positive("partial_rotary_factor") != 1) {
      rope.refuse("partial_rotary_factor", "supported is 1");
    }
    c.rope_scaling = parse_rope_scaling(rope);
  } else if (values.has("rope_scaling")) {
    c.rope_scaling =
        parse_rope_scaling(json_object(values.at("rope_scaling"), where + ": rope_scaling"));
  }
  return c;
}

/// The JSON in a file. Throws: error naming the file, if it cannot be read or is not JSON
inline nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) oq::fail("cannot open ", path.string());
  try {
    return nlohmann::json::parse(in);
  } catch (const nlohmann::json::exception& reason) {
    oq::fail(path.string(), ": ", reason.what());
  }
}

inline config read_config(const std::filesystem::path& path) {
  return parse_config(read_json(path), path.string());
}

}  // namespace llm
