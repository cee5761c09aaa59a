// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <doctest/doctest.h>
#include <string>
#include <sys/resource.h>

#include <openquant/format/mapped_file.hpp>
#include <openquant/format/output_file.hpp>

#include "format/scratch_folder.hpp"

namespace {

using openquant::format::mapped_file;
using openquant::format::output_file;
using openquant::test::contains;
using openquant::test::message;
using openquant::test::read_text;
using openquant::test::scratch_folder;
using openquant::test::write_text;

}  // namespace

TEST_CASE("output_file: the file appears at commit, whole") {
  const scratch_folder folder;
  output_file file(folder / "a");
  file.write("some ");
  file.write("bytes");
  CHECK(!std::filesystem::exists(folder / "a"));
  file.commit();
  CHECK(read_text(folder / "a") == "some bytes");
  CHECK(folder.files() == 1);
}

TEST_CASE("output_file: until commit the old file is there, afterwards its readers keep it") {
  const scratch_folder folder;
  write_text(folder / "a", "old");
  const mapped_file reader(folder / "a");
  output_file file(folder / "a");
  file.write("new content");
  CHECK(read_text(folder / "a") == "old");
  file.commit();
  CHECK(read_text(folder / "a") == "new content");
  CHECK(reader.size() == 3);
  CHECK(reader.bytes()[0] == std::byte{'o'});
}

TEST_CASE("output_file: without commit nothing is left") {
  const scratch_folder folder;
  write_text(folder / "a", "old");
  {
    output_file file(folder / "a");
    file.write(std::string(100000, 'x'));
    CHECK(folder.files() == 2);
  }
  CHECK(folder.files() == 1);
  CHECK(read_text(folder / "a") == "old");
}

TEST_CASE("output_file: two writers of one path do not mix, the last commit stays") {
  const scratch_folder folder;
  output_file first(folder / "a"), second(folder / "a");
  first.write("first");
  second.write("second");
  second.commit();
  first.commit();
  CHECK(read_text(folder / "a") == "first");
  CHECK(folder.files() == 1);
}

TEST_CASE("output_file: a partial file of a killed process is left alone") {
  const scratch_folder folder;
  write_text(folder / "a.partial0", "left over");
  output_file file(folder / "a");
  file.write("new");
  file.commit();
  CHECK(read_text(folder / "a") == "new");
  CHECK(read_text(folder / "a.partial0") == "left over");
}

TEST_CASE("output_file: errors name path and reason and leave the target as it was") {
  const scratch_folder folder;
  const std::string no_folder = message([&] { output_file(folder / "missing/a"); });
  CHECK(contains(no_folder, (folder / "missing/a").string()));
  CHECK(contains(no_folder, "No such file"));

  std::filesystem::create_directory(folder / "d");
  CHECK(contains(message([&] { output_file(folder / "d").commit(); }), "rename"));
  CHECK(std::filesystem::is_directory(folder / "d"));
  CHECK(folder.files() == 1);

  output_file done(folder / "a");
  done.commit();
  CHECK(contains(message([&] { done.write("more"); }), "closed"));
  CHECK(contains(message([&] { done.commit(); }), "closed"));
}

TEST_CASE("output_file: a full disk is an error, and the old file stays") {
  const scratch_folder folder;
  write_text(folder / "a", "old");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string large = message([&] {
    output_file file(folder / "a");
    file.write(std::string(1000000, 'x'));
    file.commit();
  });
  const std::string buffered = message([&] {  // refused when the buffer is flushed, at the latest
    output_file file(folder / "a");
    for (int i = 0; i < 5000; ++i) file.write("x");
    file.commit();
  });
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(contains(large, "File too large"));
  CHECK(contains(buffered, "File too large"));
  CHECK(read_text(folder / "a") == "old");
  CHECK(folder.files() == 1);
}
