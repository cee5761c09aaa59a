// SPDX-License-Identifier: Apache-2.0
#include "llm/checkpoint.hpp"

#include <array>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>

#include "llm/small_llama.hpp"

using llm::checkpoint;
using openquant::test::contains;
using openquant::test::message;
using openquant::test::scratch_folder;
using openquant::test::write_text;

namespace format = openquant::format;

namespace {

void write_one(const scratch_folder& folder) {
  openquant::test::write_tensors(folder / "model.safetensors",
                                 {{"a", {{2, 3}, {1, 2, 3, 4, 5, 6}}}, {"b", {{2}, {7, 8}}}});
}

}  // namespace

TEST_CASE("checkpoint: tensors of one file") {
  const scratch_folder folder;
  write_one(folder);
  const checkpoint weights(folder / "");
  CHECK(weights.contains("a"));
  CHECK_FALSE(weights.contains("c"));
  const auto a = weights.matrix("a", 2, 3);
  CHECK(a(0, 0) == 1);
  CHECK(a(1, 0) == 4);
  CHECK(a(1, 2) == 6);
  CHECK(weights.vector("b", 2) == std::vector<float>{7, 8});
}

TEST_CASE("checkpoint: bf16 and fp16 become float") {
  const scratch_folder folder;
  const std::array<std::uint16_t, 2> brain{0x3f80, 0xc000}, half{0x3c00, 0xc000};  // 1, -2
  format::write_safetensors(folder / "model.safetensors",
                            {{"brain", {format::dtype::bf16, {2}, std::as_bytes(std::span(brain))}},
                             {"half", {format::dtype::f16, {2}, std::as_bytes(std::span(half))}}});
  const checkpoint weights(folder / "");
  CHECK(weights.vector("brain", 2) == std::vector<float>{1, -2});
  CHECK(weights.vector("half", 2) == std::vector<float>{1, -2});
}

TEST_CASE("checkpoint: tensors of two shards") {
  const scratch_folder folder;
  const auto tensors = openquant::test::small_llama_tensors();
  openquant::test::write_small_llama(folder, tensors);
  const checkpoint weights(folder / "");
  for (const auto& entry : tensors) {  // clang 14 captures no structured bindings
    const std::string& name = entry.first;
    const auto& t = entry.second;
    CAPTURE(name);
    if (t.shape.size() == 1) {
      CHECK(weights.vector(name, t.shape[0]) == t.values);
    } else {
      const auto m = weights.matrix(name, t.shape[0], t.shape[1]);
      CHECK(std::equal(t.values.begin(), t.values.end(), m.data()));
    }
  }
}

TEST_CASE("checkpoint: a missing tensor and another shape are named") {
  const scratch_folder folder;
  write_one(folder);
  const checkpoint weights(folder / "");
  CHECK(contains(message([&] { weights.matrix("c", 2, 3); }), "no tensor \"c\""));
  const std::string file = (folder / "model.safetensors").string();
  CHECK(message([&] { weights.matrix("a", 3, 2); }) ==
        file + ": tensor \"a\" has shape [2, 3], the config asks for [3, 2]");
  CHECK(message([&] { weights.vector("a", 6); }) ==
        file + ": tensor \"a\" has shape [2, 3], the config asks for [6]");
}

TEST_CASE("checkpoint: a weight that is not finite is named") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    const scratch_folder folder;
    openquant::test::write_tensors(folder / "model.safetensors",
                                   {{"a", {{2, 3}, {1, 2, 3, 4, bad, 6}}}});
    const checkpoint weights(folder / "");
    CHECK(contains(message([&] { weights.matrix("a", 2, 3); }),
                   "model.safetensors: tensor \"a\", row 1, column 1: "));
  }
}

TEST_CASE("checkpoint: a folder without weights is refused") {
  const scratch_folder folder;
  CHECK(contains(message([&] { checkpoint(folder / ""); }), "neither model.safetensors nor"));
}

TEST_CASE("checkpoint: an index that does not fit its shards is refused") {
  const scratch_folder folder;
  openquant::test::write_tensors(folder / "one.safetensors", {{"a", {{1}, {1}}}});
  const auto refusal = [&](const char* index) {
    write_text(folder / "model.safetensors.index.json", index);
    return message([&] { checkpoint(folder / ""); });
  };
  CHECK(refusal(R"({"weight_map": {"a": "one.safetensors"}})") == "");
  CHECK(contains(refusal("{}"), "no key \"weight_map\""));
  CHECK(contains(refusal(R"({"weight_map": []})"), "weight_map: not a JSON object"));
  CHECK(contains(refusal(R"({"weight_map": {"a": 1}})"), "\"a\" is 1, not a text"));
  CHECK(contains(refusal(R"({"weight_map": {"b": "one.safetensors"}})"),
                 "tensor \"b\" is not in one.safetensors"));
  CHECK(contains(refusal(R"({"weight_map": {"a": "two.safetensors"}})"), "two.safetensors"));
  CHECK(contains(refusal(R"({"weight_map": {"a": "../one.safetensors"}})"), "not the name"));
  CHECK(contains(refusal(R"({"weight_map": {"a": ".."}})"), "not the name"));
  CHECK(contains(refusal(R"({"weight_map": {"a": ""}})"), "openquant"));
}
