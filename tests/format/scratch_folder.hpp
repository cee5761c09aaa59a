// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <openquant/core/error.hpp>

namespace openquant::test {

/// A new empty folder among the temporary files, removed with all it holds.
class scratch_folder {
 public:
  scratch_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "openquant_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) fail("scratch_folder: cannot create ", name);
    path_ = name;
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() { std::filesystem::remove_all(path_); }

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  /// How many files it holds.
  auto files() const {
    return std::distance(std::filesystem::directory_iterator(path_),
                         std::filesystem::directory_iterator());
  }

 private:
  std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) fail("write_text: cannot write ", path.string());
}
inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("read_text: cannot open ", path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What the error thrown by `action` says; empty if it throws none.
template <class Action>
std::string message(Action action) {
  try {
    action();
  } catch (const error& reason) {
    return reason.what();
  }
  return "";
}
inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace openquant::test
