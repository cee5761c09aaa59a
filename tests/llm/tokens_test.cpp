// SPDX-License-Identifier: Apache-2.0
#include "llm/tokens.hpp"

#include <doctest/doctest.h>
#include <string>

#include "format/scratch_folder.hpp"

using openquant::test::contains;
using openquant::test::message;
using openquant::test::write_text;
using ids = std::vector<std::uint32_t>;
using namespace std::string_literals;

TEST_CASE("tokens: windows of 16-bit ids, targets one further, the rest dropped") {
  const openquant::test::scratch_folder folder;
  write_text(folder / "t.bin", "\x05\x00\x00\x01\x07\x00\x08\x00\x09\x00\x0a\x00"s);
  const auto two = llm::read_tokens(folder / "t.bin", 2, 257);
  REQUIRE(two.size() == 2);
  CHECK(two[0].inputs == ids{5, 256});
  CHECK(two[0].targets == ids{256, 7});
  CHECK(two[1].inputs == ids{7, 8});
  CHECK(two[1].targets == ids{8, 9});
  const auto five = llm::read_tokens(folder / "t.bin", 5, 257);
  REQUIRE(five.size() == 1);
  CHECK(five[0].targets == ids{256, 7, 8, 9, 10});
}

TEST_CASE("tokens: 32-bit ids in a file that ends in .u32") {
  const openquant::test::scratch_folder folder;
  write_text(folder / "t.u32", "\x00\x00\x01\x00\xff\xff\x01\x00"s);
  const auto windows = llm::read_tokens(folder / "t.u32", 1, 131072);
  REQUIRE(windows.size() == 1);
  CHECK(windows[0].inputs == ids{65536});
  CHECK(windows[0].targets == ids{131071});
}

TEST_CASE("tokens: bad files are refused with file and position") {
  const openquant::test::scratch_folder folder;
  const auto refusal = [&](const char* name, const std::string& bytes, openquant::index_t length) {
    write_text(folder / name, bytes);
    const std::string text = message([&] { llm::read_tokens(folder / name, length, 10); });
    if (length > 0) CHECK(contains(text, name));
    return text;
  };
  CHECK(contains(refusal("a.bin", "\x01\x00\x02"s, 1), "3 bytes, not a whole number of ids of 2"));
  CHECK(contains(refusal("b.u32", "\x01\x00"s, 1), "2 bytes, not a whole number of ids of 4"));
  CHECK(contains(refusal("c.bin", ""s, 1), "0 ids, a window of 1 needs 2"));
  CHECK(contains(refusal("d.bin", "\x01\x00\x02\x00"s, 2), "2 ids, a window of 2 needs 3"));
  CHECK(contains(refusal("e.bin", "\x01\x00\x0a\x00"s, 1), "id 1 is 10, the vocabulary has 10"));
  CHECK(contains(refusal("f.bin", "\x01\x00\x02\x00"s, 0), "windows of 0 tokens"));
  CHECK(contains(message([&] { llm::read_tokens(folder / "none.bin", 1, 10); }), "none.bin"));
}
