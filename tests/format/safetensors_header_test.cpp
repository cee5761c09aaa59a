// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <map>
#include <string>
#include <vector>

#include <openquant/format/safetensors_header.hpp>

#include "format/scratch_folder.hpp"

namespace {

using openquant::index_t;
using openquant::format::dtype;
using openquant::format::safetensors_header;
using openquant::test::message;

std::string outcome(const std::string& text) {
  return message([&] { safetensors_header(text, "file"); });
}

}  // namespace

TEST_CASE("safetensors_header: entries and metadata, in any order of fields") {
  const safetensors_header header(R"({"b\u0031":{"shape":[2,3],"dtype":"BF16"},)"
                                  R"("__metadata__":{"k":"v","":"\u00e9"},)"
                                  R"("a":{"data_offsets":[7,9,11],"shape":[],"new":[true]}})",
                                  "file");
  CHECK(header.metadata() == std::map<std::string, std::string>{{"k", "v"}, {"", "\xc3\xa9"}});
  REQUIRE(header.entries().size() == 2);
  const auto& a = header.entries().at("a");
  CHECK(!a.type);
  CHECK(a.shape == std::vector<index_t>{});
  CHECK(a.offsets == std::vector<index_t>{7, 9, 11});
  const auto& b = header.entries().at("b1");
  CHECK(b.type == dtype::bf16);
  CHECK(b.shape == std::vector<index_t>{2, 3});
  CHECK(!b.offsets);
}

TEST_CASE("safetensors_header: the largest dimension is 2^63 - 1") {
  const safetensors_header header(R"({"a":{"shape":[9223372036854775807]}})", "file");
  CHECK(header.entries().at("a").shape == std::vector<index_t>{9223372036854775807});
  CHECK(outcome(R"({"a":{"shape":[9223372036854775808]}})") ==
        "file: tensor \"a\": shape holds 9223372036854775808, not an integer in [0, 2^63)");
}

TEST_CASE("safetensors_header: messages say what stands where") {
  CHECK(outcome("[]") == "file: the header does not start with '{'");
  CHECK(outcome(R"({"a":7})") == "file: tensor \"a\": its entry is 7, not an object");
  CHECK(outcome(R"({"a":{"dtype":[]}})") == "file: tensor \"a\": dtype is a list, not text");
  CHECK(outcome(R"({"a":{"shape":"8"}})") == "file: tensor \"a\": shape is text, not a list");
  CHECK(outcome(R"({"a":{"shape":[-0.5]}})") ==
        "file: tensor \"a\": shape holds -0.5, not an integer in [0, 2^63)");
  CHECK(outcome(R"({"a":{"data_offsets":[{}]}})") ==
        "file: tensor \"a\": data_offsets holds an object, not an integer in [0, 2^63)");
  CHECK(outcome(R"({"__metadata__":[]})") == "file: __metadata__ is a list, not an object");
  CHECK(outcome(R"({"__metadata__":{"k":false}})") ==
        "file: __metadata__ \"k\" is false, not text");
  CHECK(outcome(R"({"a":{},"a":{}})") == "file: \"a\" stands twice in the header");
}
