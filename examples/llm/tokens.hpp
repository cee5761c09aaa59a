// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <vector>

#include <openquant/core/config.hpp>
#include <openquant/core/error.hpp>
#include <openquant/format/mapped_file.hpp>

namespace llm {

namespace oq = openquant;

/// Tokens that are run together, and the token that follows each of them.
struct window {
  std::vector<std::uint32_t> inputs, targets;
};

/// The windows that follow each other in a file of token ids: uint32 little-endian if its name ends
/// in .u32, else uint16. Window i has inputs t[i n], ..., t[i n + n - 1] and targets one further;
/// what is left at the end is dropped.
///
/// Throws: error naming the file, if its size is not a whole number of ids, an id is outside the
///         vocabulary, or there are fewer than length + 1 of them
inline std::vector<window> read_tokens(const std::filesystem::path& path, oq::index_t length,
                                       oq::index_t vocabulary) {
  if (length < 1) oq::fail("read_tokens: windows of ", length, " tokens");
  const oq::format::mapped_file file(path);
  const std::size_t width = path.extension() == ".u32" ? 4 : 2, bytes = file.bytes().size();
  if (bytes % width != 0) {
    oq::fail(path.string(), ": ", bytes, " bytes, not a whole number of ids of ", width);
  }
  std::vector<std::uint32_t> ids(bytes / width);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::memcpy(&ids[i], file.bytes().data() + i * width, width);
    if (static_cast<oq::index_t>(ids[i]) >= vocabulary) {
      oq::fail(path.string(), ": id ", i, " is ", ids[i], ", the vocabulary has ", vocabulary);
    }
  }
  const oq::index_t count = (std::ssize(ids) - 1) / length;
  if (count < 1) {
    oq::fail(path.string(), ": ", ids.size(), " ids, a window of ", length, " needs ", length + 1);
  }
  std::vector<window> windows;
  for (oq::index_t i = 0; i < count; ++i) {
    const auto first = ids.begin() + i * length;
    windows.push_back({{first, first + length}, {first + 1, first + length + 1}});
  }
  return windows;
}

}  // namespace llm
