// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <openquant/core/error.hpp>

namespace openquant::format {

/// A file that gets its name only when it is complete. The bytes go to `<path>.partial0` (or the
/// next free number) in the same folder; `commit` renames it over `path`. Whoever has the old file
/// open or mapped keeps the old bytes; whoever opens `path` sees the old file or the whole new one.
///
/// An object destroyed before `commit` removes what it wrote. A killed process leaves a `.partial`
/// file and an untouched `path`. The disk is not flushed (no fsync): a power failure right after
/// `commit` may lose the new bytes.
///
/// Throws: error with path and reason, from every member; `path` is then as it was
class output_file {
 public:
  explicit output_file(std::filesystem::path path) : path_(std::move(path)) {
    for (int number = 0; stream_ == nullptr; ++number) {
      partial_ = path_;
      partial_ += ".partial" + std::to_string(number);
      stream_ = std::fopen(partial_.c_str(), "wbx");  // x: never a file that is already there
      if (stream_ == nullptr && (errno != EEXIST || number == 1000)) refuse("create", errno);
    }
  }
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  ~output_file() {
    if (stream_ != nullptr) std::fclose(stream_);
    if (!committed_) std::remove(partial_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    if (stream_ == nullptr) fail("output_file: ", path_.string(), " is closed");
    if (bytes.empty()) return;  // fwrite wants an address even then
    if (std::fwrite(bytes.data(), 1, bytes.size(), stream_) != bytes.size()) {
      refuse("write", errno);
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Closes the file and gives it its name. Nothing can be written afterwards.
  void commit() {
    if (stream_ == nullptr) fail("output_file: ", path_.string(), " is closed");
    if (std::fclose(std::exchange(stream_, nullptr)) != 0) refuse("write", errno);
    if (std::rename(partial_.c_str(), path_.c_str()) != 0) refuse("rename", errno);
    committed_ = true;
  }

 private:
  [[noreturn]] void refuse(const char* verb, int reason) const {
    fail("output_file: cannot ", verb, " ", partial_.string(), " for ", path_.string(), ": ",
         std::generic_category().message(reason));
  }

  std::filesystem::path path_, partial_;
  std::FILE* stream_ = nullptr;
  bool committed_ = false;
};

}  // namespace openquant::format
