// SPDX-License-Identifier: Apache-2.0
#include "llm/model.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <limits>

#include "llm/small_llama.hpp"

using llm::role;
using openquant::test::contains;
using openquant::test::message;
using openquant::test::scratch_folder;

TEST_CASE("model: names of layers and of their tensors") {
  CHECK(llm::name(role::q) == "q");
  CHECK(llm::name(role::down) == "down");
  CHECK(llm::tensor_name(3, role::o) == "model.layers.3.self_attn.o_proj.weight");
  CHECK(llm::tensor_name(0, role::gate) == "model.layers.0.mlp.gate_proj.weight");
}

TEST_CASE("model: every weight of a sharded Llama is where it belongs") {
  const scratch_folder folder;
  const auto tensors = openquant::test::small_llama_tensors();
  openquant::test::write_small_llama(folder, tensors);
  const llm::model m = llm::load_model(folder / "");
  const auto holds = [&](const auto& found, const std::string& name) {
    return std::equal(found.data(), found.data() + tensors.at(name).values.size(),
                      tensors.at(name).values.begin());
  };
  CHECK(holds(m.embedding, "model.embed_tokens.weight"));
  CHECK(holds(m.head(), "lm_head.weight"));
  CHECK(holds(m.final_norm, "model.norm.weight"));
  REQUIRE(m.blocks.size() == 2);
  for (openquant::index_t layer = 0; layer < 2; ++layer) {
    const llm::block& b = m.blocks[static_cast<std::size_t>(layer)];
    for (const role r : llm::roles) CHECK(holds(b.weight(r), llm::tensor_name(layer, r)));
    const std::string prefix = llm::tensor_prefix(layer);
    CHECK(holds(b.attention_norm, prefix + "input_layernorm.weight"));
    CHECK(holds(b.mlp_norm, prefix + "post_attention_layernorm.weight"));
    CHECK(b.q_norm.empty());
    CHECK(b.k_norm.empty());
  }
}

TEST_CASE("model: a tied head is the embedding, Qwen3 has norms of q and k") {
  const llm::model m = llm::load_model(OPENQUANT_EXAMPLE_DATA "/tiny-qwen3");
  CHECK(&m.head() == &m.embedding);
  CHECK(m.untied_head.rows() == 0);
  CHECK(m.blocks.size() == 6);
  CHECK(m.blocks[5].q_norm.size() == 64);
  CHECK(m.blocks[5].k_norm.size() == 64);
  const llm::model copy = m;
  CHECK(&copy.head() == &copy.embedding);
}

TEST_CASE("model: a weight that is missing, of another shape or not finite is named") {
  const auto refusal = [](auto change) {
    const scratch_folder folder;
    auto tensors = openquant::test::small_llama_tensors();
    change(tensors);
    openquant::test::write_small_llama(folder, tensors);
    return message([&] { llm::load_model(folder / ""); });
  };
  using tensors = openquant::test::small_tensors;
  CHECK(contains(refusal([](tensors& t) { t.erase("lm_head.weight"); }),
                 "no tensor \"lm_head.weight\""));
  CHECK(contains(refusal([](tensors& t) { t.erase("model.layers.1.mlp.up_proj.weight"); }),
                 "no tensor \"model.layers.1.mlp.up_proj.weight\""));
  CHECK(contains(refusal([](tensors& t) {
                   t["model.layers.0.self_attn.k_proj.weight"].shape = {24, 20};
                 }),
                 "k_proj.weight\" has shape [24, 20], the config asks for [20, 24]"));
  CHECK(contains(refusal([](tensors& t) {
                   t["model.layers.1.input_layernorm.weight"].values[5] =
                       std::numeric_limits<float>::infinity();
                 }),
                 "model-2-of-2.safetensors: tensor \"model.layers.1.input_layernorm.weight\", row "
                 "0, column 5: inf"));
}
