// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <span>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <openquant/core/config.hpp>
#include <openquant/core/error.hpp>

namespace openquant::format {

/// A file's bytes as memory, read only. Pages are read when first touched, so opening costs nothing
/// and a model larger than memory can be walked tensor by tensor.
///
/// The bytes stay where they are when the object is moved, and live as long as it does. Replacing
/// the file by rename leaves them as they were; truncating it in place while it is mapped raises
/// SIGBUS in whoever reads the lost part, which no reader of mapped memory can prevent.
///
/// Throws: error with path and reason, when the file cannot be opened or mapped or is not a file
class mapped_file {
 public:
  explicit mapped_file(const std::filesystem::path& path) {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    const descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.number < 0) refuse(path, "open", errno);
    struct stat facts {};
    if (::fstat(file.number, &facts) != 0) refuse(path, "stat", errno);
    if (!S_ISREG(facts.st_mode)) fail("mapped_file: ", path.string(), " is not a regular file");
    if (facts.st_size == 0) return;  // POSIX has no mapping of length 0
    const auto size = static_cast<std::size_t>(facts.st_size);
    void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (memory == MAP_FAILED) refuse(path, "map", errno);
    bytes_ = {static_cast<const std::byte*>(memory), size};
  }
  mapped_file(mapped_file&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  mapped_file& operator=(mapped_file&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~mapped_file() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  std::span<const std::byte> bytes() const { return bytes_; }
  index_t size() const { return static_cast<index_t>(bytes_.size()); }

 private:
  /// The mapping outlives the descriptor, which is closed whichever way the constructor ends.
  struct descriptor {
    int number;
    ~descriptor() {
      if (number >= 0) ::close(number);
    }
  };
  [[noreturn]] static void refuse(const std::filesystem::path& path, const char* verb, int reason) {
    fail("mapped_file: cannot ", verb, " ", path.string(), ": ",
         std::generic_category().message(reason));
  }

  std::span<const std::byte> bytes_;
};

}  // namespace openquant::format
