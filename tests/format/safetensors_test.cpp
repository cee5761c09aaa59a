// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/format/safetensors.hpp>

#include "format/scratch_folder.hpp"

namespace {

using namespace openquant::format;
using openquant::index_t;
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

/// What the reader says to these bytes; empty if it accepts them.
std::string outcome(const std::string& text) {
  const scratch_folder folder;
  write_text(folder / "hostile", text);
  const std::string said = message([&] { safetensors_reader(folder / "hostile"); });
  CHECK((said.empty() || contains(said, (folder / "hostile").string())));
  return said;
}
std::string outcome(std::string_view header, std::string_view data) {
  return outcome(file_text(header, data));
}
/// The same for one entry "t" and eight bytes of data.
std::string entry_outcome(std::string_view entry) {
  return outcome("{\"t\":" + std::string(entry) + "}", "01234567");
}
std::string shape_outcome(std::string_view shape) {
  return entry_outcome(R"({"dtype":"U8","shape":)" + std::string(shape) +
                       R"(,"data_offsets":[0,8]})");
}
std::string offsets_outcome(std::string_view offsets) {
  return entry_outcome(R"({"dtype":"U8","shape":[8],"data_offsets":)" + std::string(offsets) + "}");
}

bool same(const tensor& a, const tensor& b) {
  return a.type == b.type && a.shape == b.shape &&
         std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
}
bool same(const std::map<std::string, tensor>& a, const std::map<std::string, tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && same(x.second, y.second);
  });
}

constexpr const char* well = R"({"t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})";

}  // namespace

TEST_CASE("safetensors: every dtype and rank comes back byte by byte") {
  const scratch_folder folder;
  std::vector<std::byte> memory(1000);
  for (std::size_t i = 0; i < memory.size(); ++i) {
    memory[i] = static_cast<std::byte>(openquant::random::bits(3, i));
  }
  const std::vector<std::vector<index_t>> shapes{{}, {3}, {2, 3}, {2, 1, 3, 2}, {0}, {4, 0, 2}};
  std::map<std::string, tensor> tensors;
  for (std::size_t i = 0; i < dtype_table.size(); ++i) {
    for (std::size_t s = 0; s < shapes.size(); ++s) {
      const auto type = static_cast<dtype>(i);
      const auto size = static_cast<std::size_t>(tensor_size(type, shapes[s]).value());
      tensors["t" + std::to_string(s) + "." + std::string(dtype_name(type))] = {
          type, shapes[s], std::span(memory).subspan(i * 7 + s, size)};
    }
  }
  const std::map<std::string, std::string> metadata{{"format", "pt"}, {"", "\"\n\\ \xc3\xa9"}};
  write_safetensors(folder / "a", tensors, metadata);
  const safetensors_reader reader(folder / "a");
  CHECK(reader.tensors().size() == 90);
  CHECK(same(reader.tensors(), tensors));
  CHECK(reader.metadata() == metadata);
  CHECK(folder.files() == 1);

  write_safetensors(folder / "b", reader.tensors(), reader.metadata());
  CHECK(read_text(folder / "a") == read_text(folder / "b"));
}

TEST_CASE("safetensors: unsorted, unaligned files of other writers are read") {
  const scratch_folder folder;
  write_text(folder / "a", file_text(R"({"z":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                     R"("none":{"data_offsets":[1,1],"shape":[0,9],"dtype":"F16"},)"
                                     "\n\t\"a\":{\"dtype\":\"F32\", \"shape\":[], \"later\":[1],"
                                     R"("data_offsets":[1,5]}})",
                                     std::string_view("x\0\0\x80\x3f", 5)));
  const safetensors_reader reader(folder / "a");
  CHECK(to_matrix(reader.at("a"), "a")(0, 0) == 1.0f);
  CHECK(reader.at("z").bytes[0] == std::byte{'x'});
  CHECK(reader.at("none").shape == std::vector<index_t>{0, 9});
  CHECK(reader.metadata().empty());
}

TEST_CASE("safetensors: a moved reader keeps its tensors") {
  const scratch_folder folder;
  write_text(folder / "a", file_text(well, "01234567"));
  safetensors_reader first(folder / "a");
  const std::byte* const place = first.at("t").bytes.data();
  const safetensors_reader second(std::move(first));
  CHECK(second.at("t").bytes.data() == place);
  CHECK(second.at("t").bytes[7] == std::byte{'7'});
}

TEST_CASE("safetensors: a missing tensor is an error with similar names") {
  const scratch_folder folder;
  std::map<std::string, tensor> tensors;
  for (const char* name :
       {"model.layers.0.up.weight", "model.layers.1.up.weight", "lm_head", "x"}) {
    tensors[name] = {dtype::u8, {0}, {}};
  }
  write_safetensors(folder / "a", tensors);
  const safetensors_reader reader(folder / "a");
  CHECK(reader.contains("lm_head"));
  CHECK(!reader.contains("model.layer.0.up.weight"));
  CHECK(message([&] { reader.at("model.layer.0.up.weight"); }) ==
        "safetensors: " + (folder / "a").string() +
            " has no tensor \"model.layer.0.up.weight\"; similar: \"model.layers.0.up.weight\", "
            "\"model.layers.1.up.weight\", \"lm_head\"");
  write_safetensors(folder / "b", {});
  CHECK(contains(message([&] { safetensors_reader(folder / "b").at(""); }), "no tensor \"\""));
}

TEST_CASE("safetensors: the file all hostile ones derive from is accepted") {
  CHECK(outcome(well, "01234567") == "");
  CHECK(outcome(std::string(well) + " \n\r\t", "01234567") == "");
}

TEST_CASE("safetensors: a truncated file is refused, wherever it ends") {
  const std::string whole = file_text(well, "01234567");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const std::string said = outcome(whole.substr(0, size));
    CHECK(contains(said, size < 8                  ? "too short for a header"
                         : size < whole.size() - 8 ? "bytes in a file of"
                                                   : "tensor \"t\": ends at 8"));
  }
}

TEST_CASE("safetensors: a false header length is refused") {
  const auto said = [](std::uint64_t size) {
    return outcome(std::string(reinterpret_cast<const char*>(&size), 8) + "{}      ");
  };
  CHECK(said(8) == "");
  CHECK(contains(said(9), "header of 9 bytes in a file of 16"));
  CHECK(contains(said(100'000'000), "in a file of 16"));
  CHECK(contains(said(100'000'001), "more than 100000000"));
  CHECK(contains(said(std::numeric_limits<std::uint64_t>::max()), "more than"));
  CHECK(contains(said(0), "does not start with '{'"));
  CHECK(contains(said(1), "invalid header"));
}

TEST_CASE("safetensors: text that is not a JSON object is refused") {
  for (const char* header : {"[]", " {}", "null", "\xef\xbb\xbf{}", "\"a\""}) {
    CHECK(contains(outcome(header, ""), "does not start with '{'"));
  }
  for (const char* header :
       {"{", "{}}", "{} x", "{,}", "{\"a\"}", "{'a':1}", "{/**/}", "{\"a\":NaN}",
        "{\"__metadata__\":{},}", "{\"\xff\":1}", "{\"\\ud800\":1}", "{\"a\":1e999}"}) {
    CAPTURE(header);
    CHECK(contains(outcome(header, ""), "invalid header"));
  }
  CHECK(contains(outcome(std::string_view("{}\0{", 4), ""), "zero byte in the header"));
}

TEST_CASE("safetensors: a million brackets are refused without harm to the stack") {
  for (const char* level : {"[", "{\"a\":"}) {
    std::string header = "{\"a\":";
    for (int i = 0; i < 1'000'000; ++i) header += level;
    CHECK(contains(outcome(header, ""),
                   level[0] == '[' ? "its entry is a list" : "more than 3 levels"));
  }
  CHECK(contains(entry_outcome(R"({"dtype":"U8","shape":[[8]],"data_offsets":[0,8]})"),
                 "shape holds a list"));
}

TEST_CASE("safetensors: other fields of an entry are ignored, within three levels") {
  const auto said = [](const std::string& value) {
    return entry_outcome(R"({"x":)" + value + R"(,"dtype":"U8","shape":[8],"data_offsets":[0,8]})");
  };
  for (const char* value : {"1", "-1", "0.5", "null", "true", "\"a\"", "[1,\"a\",null]", "[]",
                            R"({"shape":1,"dtype":"a"})"}) {
    CAPTURE(value);
    CHECK(said(value) == "");
  }
  CHECK(contains(said(R"({"shape":[]})"), "more than 3 levels"));
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "[";
  CHECK(contains(said(deep), "tensor \"t\": more than 3 levels"));
}

TEST_CASE("safetensors: 3000 tensors come back") {
  const scratch_folder folder;
  std::map<std::string, tensor> tensors;
  for (int i = 0; i < 3000; ++i) tensors["t" + std::to_string(i)] = {dtype::u8, {0}, {}};
  write_safetensors(folder / "a", tensors);
  CHECK(same(safetensors_reader(folder / "a").tensors(), tensors));
}

TEST_CASE("safetensors: a name that stands twice is refused") {
  const std::string entry = R"("t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]})";
  CHECK(contains(outcome("{" + entry + "," + entry + "}", "01234567"),
                 "\"t\" stands twice in the header"));
  CHECK(contains(outcome("{" + entry + ",\"\\u0074\":{}}", "01234567"), "\"t\" stands twice"));
  CHECK(contains(outcome(R"({"__metadata__":{},"__metadata__":{}})", ""),
                 "\"__metadata__\" stands twice in the header"));
  CHECK(contains(outcome(R"({"__metadata__":{"a":"1","a":"1"}})", ""),
                 "__metadata__ \"a\" stands twice"));
  CHECK(contains(entry_outcome(R"({"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]})"),
                 "tensor \"t\": dtype stands twice"));
  for (const char* list : {R"("shape":[8])", R"("data_offsets":[0,8])"}) {
    CHECK(contains(entry_outcome(R"({"dtype":"U8","shape":[8],"data_offsets":[0,8],)" +
                                 std::string(list) + "}"),
                   " stands twice"));
  }
  // Equal keys of different entries are no repetition.
  CHECK(outcome(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                R"("b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                "01") == "");
}

TEST_CASE("safetensors: an entry with a part missing or of the wrong kind is refused") {
  for (const char* entry : {"1", "\"a\"", "null", "[]", "true"}) {
    CHECK(contains(entry_outcome(entry), "tensor \"t\": its entry is "));
  }
  CHECK(contains(entry_outcome("{}"), "tensor \"t\": no dtype"));
  CHECK(contains(entry_outcome(R"({"dtype":3,"shape":[8],"data_offsets":[0,8]})"),
                 "dtype is 3, not text"));
  CHECK(contains(entry_outcome(R"({"dtype":"U8","data_offsets":[0,8]})"), "no shape"));
  CHECK(contains(entry_outcome(R"({"dtype":"U8","shape":[8]})"), "no data_offsets"));
  CHECK(contains(shape_outcome("8"), "shape is 8, not a list"));
  CHECK(contains(shape_outcome("{}"), "shape is an object, not a list"));
  for (const char* name : {"u8", "F4", "C64", "", "U8 ", "float32"}) {
    CHECK(contains(entry_outcome(R"({"dtype":")" + std::string(name) +
                                 R"(","shape":[8],"data_offsets":[0,8]})"),
                   "unknown dtype \"" + std::string(name) + "\""));
  }
}

TEST_CASE("safetensors: shapes and offsets that are not integers in range are refused") {
  for (const char* number :
       {"-8", "-0", "8.0", "8e0", "\"8\"", "null", "true", "9223372036854775808",
        "18446744073709551615", "18446744073709551624"}) {
    CAPTURE(number);
    const std::string list = "[" + std::string(number) + "]";
    CHECK(contains(shape_outcome(list), "tensor \"t\": shape holds "));
    CHECK(contains(offsets_outcome("[0," + std::string(number) + "]"), "data_offsets holds "));
  }
  CHECK(contains(shape_outcome("[4294967296,4294967296]"), "is not possible"));
  CHECK(contains(shape_outcome("[4294967296,4294967296,0]"), "is not possible"));
  CHECK(contains(entry_outcome(R"({"dtype":"F64","shape":[2305843009213693953],)"
                               R"("data_offsets":[0,8]})"),
                 "is not possible"));
}

TEST_CASE("safetensors: offsets that do not fit file and shape are refused") {
  CHECK(contains(offsets_outcome("[8,0]"), "tensor \"t\": begins at 8, after its end 0"));
  CHECK(contains(offsets_outcome("[0,9]"), "tensor \"t\": ends at 9, the file's data at 8"));
  CHECK(contains(offsets_outcome("[9223372036854775799,9223372036854775807]"), "ends at"));
  CHECK(contains(offsets_outcome("[]"), "data_offsets of 0 numbers, not 2"));
  CHECK(contains(offsets_outcome("[0,8,8]"), "data_offsets of 3 numbers, not 2"));
  CHECK(contains(offsets_outcome("[0,7]"), "tensor \"t\": U8 [8] needs 8 bytes, not 7"));
  CHECK(contains(shape_outcome("[]"), "U8 [] needs 1 bytes, not 8"));
  CHECK(contains(shape_outcome("[0]"), "needs 0 bytes, not 8"));
}

TEST_CASE("safetensors: tensors that overlap, leave holes or bytes at the end are refused") {
  const auto said = [](std::string_view a, std::string_view b) {
    return outcome(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + std::string(a) +
                       R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + std::string(b) + "}}",
                   "01234567");
  };
  CHECK(said("[0,4]", "[4,8]") == "");
  CHECK(said("[4,8]", "[0,4]") == "");
  CHECK(contains(said("[0,4]", "[3,7]"), "tensor \"b\": begins at 3 inside the tensor before it"));
  CHECK(contains(said("[0,4]", "[0,4]"), "tensor \"b\": begins at 0 inside"));
  CHECK(contains(said("[4,8]", "[2,6]"), "tensor \"b\": begins at 2, hole of 2 bytes"));
  CHECK(contains(outcome(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                         R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                         "012"),
                 "tensor \"b\": begins at 2, hole of 1 bytes"));
  CHECK(contains(outcome(well, "012345678"), "the last tensor ends at 8, the file's data at 9"));
  CHECK(contains(outcome("{}", "0"), "the last tensor ends at 0, the file's data at 1"));
  // A tensor of no bytes may stand at a border, not inside another tensor.
  const auto empty_at = [](std::string_view offset) {
    return outcome(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                   R"("b":{"dtype":"U8","shape":[0],"data_offsets":[)" +
                       std::string(offset) + "," + std::string(offset) + "]}}",
                   "0123");
  };
  CHECK(empty_at("0") == "");
  CHECK(empty_at("4") == "");
  CHECK(contains(empty_at("2"), "tensor \"b\": begins at 2 inside"));
}

TEST_CASE("safetensors: metadata that is not text is refused") {
  for (const char* entry : {"1", "null", "[]", "\"a\""}) {
    CHECK(contains(outcome("{\"__metadata__\":" + std::string(entry) + "}", ""), "not an object"));
  }
  for (const char* value : {"1", "null", "[]", "{}", "true"}) {
    CHECK(contains(outcome("{\"__metadata__\":{\"k\":" + std::string(value) + "}}", ""),
                   "__metadata__ \"k\" is "));
  }
}

TEST_CASE("safetensors: one wrong byte in the header never gets past the rules") {
  const std::string whole = file_text(well, "01234567");
  int accepted = 0;
  for (std::size_t i = 0; i < whole.size() - 8; ++i) {
    for (const char wrong :
         {'\0', '"', '{', '}', '[', '9', '-', '\xff', static_cast<char>(whole[i] ^ 1)}) {
      std::string text = whole;
      if (text[i] == wrong) continue;
      text[i] = wrong;
      const scratch_folder folder;
      write_text(folder / "a", text);
      try {
        const safetensors_reader reader(folder / "a");
        // Another name, or another type of eight bits, is another valid file.
        REQUIRE(reader.tensors().size() == 1);
        CHECK(reader.tensors().begin()->second.bytes.size() == 8);
        ++accepted;
      } catch (const openquant::error&) {
      }
    }
  }
  CHECK(accepted > 0);
}
