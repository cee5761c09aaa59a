// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <type_traits>
#include <utility>

#include <openquant/format/mapped_file.hpp>

#include "format/scratch_folder.hpp"

namespace {

using openquant::format::mapped_file;
using openquant::test::contains;
using openquant::test::message;
using openquant::test::scratch_folder;
using openquant::test::write_text;

static_assert(!std::is_copy_constructible_v<mapped_file>);
static_assert(!std::is_copy_assignable_v<mapped_file>);
static_assert(std::is_nothrow_move_constructible_v<mapped_file>);
static_assert(std::is_nothrow_move_assignable_v<mapped_file>);

std::string_view text(const mapped_file& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

TEST_CASE("mapped_file: shows the bytes of the file") {
  const scratch_folder folder;
  std::string content;  // more than a page, every byte value
  for (int i = 0; i < 10000; ++i) content += static_cast<char>(i * 7 + i / 256);
  write_text(folder / "a", content);
  const mapped_file file(folder / "a");
  CHECK(file.size() == 10000);
  CHECK(text(file) == content);
}

TEST_CASE("mapped_file: an empty file has no bytes") {
  const scratch_folder folder;
  write_text(folder / "a", "");
  const mapped_file file(folder / "a");
  CHECK(file.size() == 0);
  CHECK(file.bytes().empty());
}

TEST_CASE("mapped_file: the bytes stay in place when it is moved") {
  const scratch_folder folder;
  write_text(folder / "a", "first");
  write_text(folder / "b", "second");
  mapped_file a(folder / "a"), b(folder / "b");
  const std::byte* const place = a.bytes().data();
  mapped_file moved(std::move(a));
  CHECK(moved.bytes().data() == place);
  CHECK(a.bytes().empty());
  b = std::move(moved);
  CHECK(b.bytes().data() == place);
  CHECK(text(b) == "first");
}

TEST_CASE("mapped_file: the bytes survive the removal of the file") {
  const scratch_folder folder;
  write_text(folder / "a", "content");
  const mapped_file file(folder / "a");
  std::filesystem::remove(folder / "a");
  CHECK(text(file) == "content");
}

TEST_CASE("mapped_file: what cannot be mapped is refused with path and reason") {
  const scratch_folder folder;
  const std::string missing = message([&] { mapped_file(folder / "missing"); });
  CHECK(contains(missing, (folder / "missing").string()));
  CHECK(contains(missing, "No such file"));
  CHECK(contains(message([&] { mapped_file(folder / ""); }), "not a regular file"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(contains(message([&] { mapped_file(folder / "pipe"); }), "not a regular file"));
}
