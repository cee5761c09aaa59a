// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openquant/core/error.hpp>
#include <openquant/format/output_file.hpp>
#include <openquant/format/safetensors_header.hpp>
#include <openquant/format/tensor.hpp>

namespace openquant::format {

/// Writes a file that the reference reader and this one accept. Larger elements come first, then
/// names in order, and the header is padded to a multiple of 8 bytes: every tensor is aligned to
/// its element. Equal tensors and metadata give equal files.
///
/// The tensors may be views into a reader of the very file that is replaced.
///
/// Throws: error naming file and tensor, if a tensor's bytes do not fit its shape, a name is
///         "__metadata__" or not UTF-8, the header gets too large, or the disk refuses; the file
///         is then as it was
inline void write_safetensors(const std::filesystem::path& path,
                              const std::map<std::string, tensor>& tensors,
                              const std::map<std::string, std::string>& metadata = {}) {
  using nlohmann::json;
  const std::string where = "write_safetensors: " + path.string();
  std::vector<std::pair<std::string_view, const tensor*>> order;
  for (const auto& [name, t] : tensors) {
    check_size(t, where, name);
    if (name == "__metadata__") fail(where, ": no tensor can have the name __metadata__");
    order.emplace_back(name, &t);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second->type > b.second->type; });

  std::string header = "{";
  try {
    if (!metadata.empty()) header += "\"__metadata__\":" + json(metadata).dump();
    std::size_t begin = 0;
    for (const auto& [name, t] : order) {
      const std::size_t end = begin + t->bytes.size();
      header += (header.size() > 1 ? "," : "") + json(name).dump() + ":{\"dtype\":\"";
      header += std::string(dtype_name(t->type)) + "\",\"shape\":" + json(t->shape).dump();
      header += ",\"data_offsets\":" + json({begin, end}).dump() + "}";
      begin = end;
    }
  } catch (const json::exception& reason) {
    fail(where, ": ", printable(reason.what(), 200));
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t size = header.size();
  if (size > safetensors_max_header) fail(where, ": header of ", size, " bytes");

  output_file file(path);
  file.write(std::as_bytes(std::span(&size, 1)));
  file.write(header);
  for (const auto& [name, t] : order) file.write(t->bytes);
  file.commit();
}

}  // namespace openquant::format
