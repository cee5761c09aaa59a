// SPDX-License-Identifier: Apache-2.0
#include "llm/config.hpp"

#include <doctest/doctest.h>

#include "llm/small_llama.hpp"

using llm::parse_config;
using nlohmann::json;
using openquant::test::contains;
using openquant::test::message;
using openquant::test::small_llama_config;

namespace {

/// What parsing the small config says after `key` was set to `value`.
std::string refusal(const char* key, const json& value) {
  json values = small_llama_config();
  values[key] = value;
  return message([&] { parse_config(values, "here"); });
}

llm::config with(const char* key, const json& value) {
  json values = small_llama_config();
  values[key] = value;
  return parse_config(values, "here");
}

}  // namespace

TEST_CASE("config: every field is read") {
  const llm::config c = parse_config(small_llama_config(), "here");
  CHECK(c.vocab_size == 37);
  CHECK(c.hidden_size == 24);
  CHECK(c.intermediate_size == 44);
  CHECK(c.num_hidden_layers == 2);
  CHECK(c.num_attention_heads == 4);
  CHECK(c.num_key_value_heads == 2);
  CHECK(c.head_dim == 10);
  CHECK(c.query_size() == 40);
  CHECK(c.key_value_size() == 20);
  CHECK(c.rms_norm_eps == 1e-5f);
  CHECK(c.rope_theta == 100);
  CHECK(c.rope_scaling.type == llm::rope_scaling::kind::llama3);
  CHECK(c.rope_scaling.factor == 8);
  CHECK(c.rope_scaling.low_freq_factor == 1);
  CHECK(c.rope_scaling.high_freq_factor == 4);
  CHECK(c.rope_scaling.original_max_position_embeddings == 32);
  CHECK_FALSE(c.tie_word_embeddings);
  CHECK_FALSE(c.qk_norm);
}

TEST_CASE("config: the embedded model's file") {
  const llm::config c = llm::read_config(OPENQUANT_EXAMPLE_DATA "/tiny-qwen3/config.json");
  CHECK(c.qk_norm);
  CHECK(c.tie_word_embeddings);
  CHECK(c.num_hidden_layers == 6);
  CHECK(c.rope_scaling.type == llm::rope_scaling::kind::none);
}

TEST_CASE("config: what may be absent") {
  json values = small_llama_config();
  for (const char* key : {"num_key_value_heads", "head_dim", "rope_theta", "rope_scaling",
                          "hidden_act", "tie_word_embeddings"}) {
    values.erase(key);
  }
  const llm::config c = parse_config(values, "here");
  CHECK(c.num_key_value_heads == 4);
  CHECK(c.head_dim == 6);
  CHECK(c.rope_theta == 10000);
  CHECK(c.rope_scaling.type == llm::rope_scaling::kind::none);
}

TEST_CASE("config: null counts as absent, switches that are off are fine") {
  CHECK(with("head_dim", nullptr).head_dim == 6);
  CHECK(with("sliding_window", nullptr).head_dim == 10);
  CHECK(with("attention_bias", false).head_dim == 10);
  json values = small_llama_config();
  values["use_sliding_window"] = false;
  values["sliding_window"] = 4096;
  CHECK(parse_config(values, "here").head_dim == 10);
}

TEST_CASE("config: the spelling of transformers 5") {
  json values = small_llama_config();
  values.erase("rope_theta");
  values.erase("rope_scaling");
  values["dtype"] = "bfloat16";
  values["layer_types"] = {"full_attention", "full_attention"};
  values["rope_parameters"] = {{"rope_theta", 5e5}, {"rope_type", "default"}};
  CHECK(parse_config(values, "here").rope_theta == 5e5);
  CHECK(parse_config(values, "here").rope_scaling.type == llm::rope_scaling::kind::none);
  values["rope_parameters"] = {{"rope_theta", 5e5}, {"rope_type", "linear"}, {"factor", 2.5}};
  CHECK(parse_config(values, "here").rope_scaling.type == llm::rope_scaling::kind::linear);
  CHECK(parse_config(values, "here").rope_scaling.factor == 2.5);
}

TEST_CASE("config: the old spelling of the rope type") {
  const llm::config c = with("rope_scaling", {{"type", "linear"}, {"factor", 4}});
  CHECK(c.rope_scaling.type == llm::rope_scaling::kind::linear);
  CHECK(c.rope_scaling.factor == 4);
}

TEST_CASE("config: a missing key is named") {
  for (const char* key : {"architectures", "vocab_size", "hidden_size", "intermediate_size",
                          "num_hidden_layers", "num_attention_heads", "rms_norm_eps"}) {
    json values = small_llama_config();
    values.erase(key);
    const std::string text = message([&] { parse_config(values, "here"); });
    CHECK(text.starts_with("here: no key \""));
    CHECK(contains(text, key));
  }
  const json incomplete = {{"rope_type", "llama3"}, {"factor", 8.0}, {"low_freq_factor", 1.0}};
  CHECK(refusal("rope_scaling", incomplete) == "here: rope_scaling: no key \"high_freq_factor\"");
}

TEST_CASE("config: what the engine does not compute is refused with its value") {
  const auto names = [](const std::string& text, const char* key, const char* value) {
    CAPTURE(text);
    CHECK(text.starts_with("here: "));
    CHECK(contains(text, key));
    CHECK(contains(text, value));
  };
  names(refusal("architectures", {"MixtralForCausalLM"}), "architectures", "Mixtral");
  names(refusal("architectures", "LlamaForCausalLM"), "architectures", "Llama");
  names(refusal("hidden_act", "gelu"), "hidden_act", "gelu");
  names(refusal("attention_bias", true), "attention_bias", "true");
  names(refusal("mlp_bias", true), "mlp_bias", "true");
  names(refusal("sliding_window", 4096), "sliding_window", "4096");
  names(refusal("layer_types", {"full_attention", "sliding_attention"}), "layer_types", "sliding");
  names(refusal("partial_rotary_factor", 0.5), "partial_rotary_factor", "0.5");
  names(refusal("quantization_config", {{"bits", 4}}), "quantization_config", "4");
  names(refusal("rope_scaling", {{"rope_type", "yarn"}, {"factor", 4.0}}), "rope_scaling", "yarn");
  names(refusal("rope_parameters", {{"full_attention", {{"rope_theta", 1e4}}}}), "full_attention",
        "10000");
  names(refusal("rope_parameters", {{"partial_rotary_factor", 0.25}}), "partial_rotary_factor",
        "0.25");
}

TEST_CASE("config: values out of range or of another type are refused") {
  for (const json& bad : {json(0), json(-1), json(2.5), json("24"), json(std::int64_t{1} << 40),
                          json(~std::uint64_t{0}), json::array({24}), json(true)}) {
    CAPTURE(bad.dump());
    const std::string text = refusal("vocab_size", bad);
    CHECK(contains(text, bad.dump()));
    CHECK(contains(text, "not an integer in [1, 2^30]"));
  }
  CHECK(contains(refusal("rms_norm_eps", 0), "rms_norm_eps"));
  CHECK(contains(refusal("rope_theta", "big"), "rope_theta"));
  CHECK(contains(refusal("tie_word_embeddings", 1), "tie_word_embeddings"));
  CHECK(contains(refusal("num_key_value_heads", 3), "not a divisor of 4 heads"));
  CHECK(contains(refusal("head_dim", 9), "odd"));
  CHECK(contains(refusal("rope_scaling", 8), "rope_scaling: not a JSON object"));
  json values = small_llama_config();
  values.erase("head_dim");
  values["hidden_size"] = 28;  // heads of 7
  CHECK(contains(message([&] { parse_config(values, "here"); }), "\"hidden_size\" is 28"));
  values = small_llama_config();
  values["rope_scaling"]["high_freq_factor"] = 1.0;
  CHECK(contains(message([&] { parse_config(values, "here"); }), "not above low_freq_factor 1"));
  CHECK(message([] { parse_config(json::array(), "here"); }) ==
        "here: not a JSON object but array");
}

TEST_CASE("config: a file that is absent or not JSON is named") {
  const openquant::test::scratch_folder folder;
  const auto path = folder / "config.json";
  CHECK(message([&] { llm::read_config(path); }) == "cannot open " + path.string());
  openquant::test::write_text(path, "{\"vocab_size\": ");
  CHECK(message([&] { llm::read_config(path); }).starts_with(path.string() + ": "));
}
