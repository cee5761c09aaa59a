// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openquant/format/safetensors.hpp>
#include <openquant/format/safetensors_writer.hpp>

#include "format/scratch_folder.hpp"

namespace {

using namespace openquant::format;
using openquant::test::contains;
using openquant::test::message;
using openquant::test::read_text;
using openquant::test::scratch_folder;
using openquant::test::write_text;

std::string file_text(std::string_view header, std::string_view data = "") {
  const std::uint64_t size = header.size();
  std::string text(reinterpret_cast<const char*>(&size), 8);
  return text.append(header).append(data);
}

}  // namespace

TEST_CASE("safetensors_writer: the written bytes, by hand") {
  const scratch_folder folder;
  const std::vector<std::uint8_t> bytes{1, 2, 3};
  const std::vector<float> real{1.0f};
  write_safetensors(folder / "a",
                    {{"a", {dtype::u8, {3}, std::as_bytes(std::span(bytes))}},
                     {"b", {dtype::f32, {1, 1}, std::as_bytes(std::span(real))}}},
                    {{"k", "v"}});
  // The larger elements first; 133 bytes of JSON and 3 spaces.
  CHECK(read_text(folder / "a") ==
        file_text(R"({"__metadata__":{"k":"v"},)"
                  R"("b":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},)"
                  R"("a":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}   )",
                  std::string_view("\0\0\x80\x3f\1\2\3", 7)));
  write_safetensors(folder / "a", {});
  CHECK(read_text(folder / "a") == file_text("{}      "));
  CHECK(safetensors_reader(folder / "a").tensors().empty());
}

TEST_CASE("safetensors_writer: every written tensor is aligned to its element") {
  const scratch_folder folder;
  const std::vector<std::byte> memory(64);
  std::map<std::string, tensor> tensors;
  for (std::size_t i = 0; i < dtype_table.size(); ++i) {
    const auto type = static_cast<dtype>(i);
    const auto size = static_cast<std::size_t>(dtype_bits(type) / 8 * 3);
    tensors[std::to_string(i)] = {type, {3}, std::span(memory).first(size)};
  }
  write_safetensors(folder / "a", tensors);
  const safetensors_reader reader(folder / "a");
  for (const auto& [name, t] : reader.tensors()) {
    CHECK(reinterpret_cast<std::uintptr_t>(t.bytes.data()) %
              static_cast<std::uintptr_t>(dtype_bits(t.type) / 8) ==
          0);
  }
}

TEST_CASE("safetensors_writer: the writer refuses what the reader would, and keeps the old file") {
  const scratch_folder folder;
  write_text(folder / "a", "old");
  const std::vector<std::byte> four(4);
  const auto said = [&](const std::string& name, const tensor& t) {
    return message([&] { write_safetensors(folder / "a", {{name, t}}); });
  };
  CHECK(contains(said("t", {dtype::f32, {2}, four}), "tensor \"t\": F32 [2] needs 8 bytes, not 4"));
  CHECK(contains(said("t", {dtype::u8, {-4, -1}, four}), "[-4, -1] is not possible"));
  CHECK(contains(said("__metadata__", {dtype::u8, {4}, four}), "the name __metadata__"));
  CHECK(contains(said("\xff", {dtype::u8, {4}, four}), "UTF-8"));
  CHECK(contains(message([&] { write_safetensors(folder / "a", {}, {{"k", "\xff"}}); }), "UTF-8"));
  CHECK(contains(message([&] { write_safetensors(folder / "missing/a", {}); }), "No such file"));
  CHECK(read_text(folder / "a") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("safetensors_writer: a file can be replaced by one made of its own tensors") {
  const scratch_folder folder;
  const std::vector<std::uint8_t> bytes{1, 2, 3};
  write_safetensors(folder / "a", {{"t", {dtype::u8, {3}, std::as_bytes(std::span(bytes))}}});
  {
    const safetensors_reader reader(folder / "a");
    auto tensors = reader.tensors();
    tensors["copy"] = reader.at("t");
    write_safetensors(folder / "a", tensors);
    CHECK(reader.tensors().size() == 1);
  }
  const safetensors_reader reader(folder / "a");
  CHECK(reader.tensors().size() == 2);
  CHECK(reader.at("t").bytes[2] == std::byte{3});
  CHECK(reader.at("copy").bytes[2] == std::byte{3});
}
