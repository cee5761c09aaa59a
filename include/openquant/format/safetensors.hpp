// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openquant/core/config.hpp>
#include <openquant/core/error.hpp>
#include <openquant/format/mapped_file.hpp>
#include <openquant/format/safetensors_header.hpp>
#include <openquant/format/safetensors_writer.hpp>
#include <openquant/format/tensor.hpp>

/// The safetensors file format: the reader here, the writer in safetensors_writer.hpp; this header
/// brings both.
///
///   | u64 n | n bytes of JSON, spaces at the end | bytes of the tensors |
///
/// The JSON is described in safetensors_header.hpp. Offsets count from the end of the header. The
/// tensors cover the rest of the file: no hole, no overlap, nothing after the last.
/// Source: github.com/huggingface/safetensors, README.md, section "Format"
namespace openquant::format {

/// An open file: names, types and shapes are checked and read at once, elements when touched.
///
/// Throws: error naming the file and the tensor, for every file that breaks a rule of the format.
///         A file is input from strangers: whatever its bytes, the outcome is a reader or an error
/// Cost:   time and memory proportional to the header, which is at most 100 MB
class safetensors_reader {
 public:
  explicit safetensors_reader(const std::filesystem::path& path)
      : where_("safetensors: " + path.string()), file_(path) {
    const std::string_view text = find_header();
    const std::span<const std::byte> data = file_.bytes().subspan(8 + text.size());
    const safetensors_header header(text, where_);
    metadata_ = header.metadata();
    for (const auto& [name, entry] : header.entries()) {
      tensors_.emplace(name, locate(entry, name, data));
    }
    check_cover(data);
  }

  /// By name. The bytes live as long as this reader, or the one it is moved into.
  const std::map<std::string, tensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool contains(const std::string& name) const { return tensors_.contains(name); }
  /// Throws: error naming the file and up to three similar names, if there is no such tensor
  const tensor& at(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail(where_, " has no tensor ", name_text(name), similar(name));
    return found->second;
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(std::string_view name, const Parts&... parts) const {
    fail(where_, ": tensor ", name_text(name), ": ", parts...);
  }

  std::string_view find_header() const {
    const std::span<const std::byte> all = file_.bytes();
    if (all.size() < 8) fail(where_, ": ", all.size(), " bytes, too short for a header");
    std::uint64_t size;
    std::memcpy(&size, all.data(), 8);
    if (size > safetensors_max_header) {
      fail(where_, ": header of ", size, " bytes, more than ", safetensors_max_header);
    }
    if (size > all.size() - 8) {
      fail(where_, ": header of ", size, " bytes in a file of ", all.size());
    }
    return {reinterpret_cast<const char*>(all.data() + 8), size};
  }

  tensor locate(const safetensors_header::entry& entry, const std::string& name,
                std::span<const std::byte> data) const {
    if (!entry.type) refuse(name, "no dtype");
    if (!entry.shape) refuse(name, "no shape");
    if (!entry.offsets) refuse(name, "no data_offsets");
    if (entry.offsets->size() != 2) {
      refuse(name, "data_offsets of ", entry.offsets->size(), " numbers, not 2");
    }
    const index_t begin = entry.offsets->front(), end = entry.offsets->back();
    if (begin > end) refuse(name, "begins at ", begin, ", after its end ", end);
    if (static_cast<std::size_t>(end) > data.size()) {
      refuse(name, "ends at ", end, ", the file's data at ", data.size());
    }
    tensor t{*entry.type, *entry.shape,
             data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin))};
    check_size(t, where_, name);
    return t;
  }

  void check_cover(std::span<const std::byte> data) const {
    struct piece {
      index_t begin, end;
      std::string_view name;
      bool operator<(const piece& other) const {
        return std::pair(begin, end) < std::pair(other.begin, other.end);
      }
    };
    std::vector<piece> pieces;
    for (const auto& [name, t] : tensors_) {
      const index_t begin = t.bytes.data() - data.data();
      pieces.push_back({begin, begin + static_cast<index_t>(t.bytes.size()), name});
    }
    std::sort(pieces.begin(), pieces.end());
    index_t end = 0;
    for (const piece& p : pieces) {
      if (p.begin < end) {
        refuse(p.name, "begins at ", p.begin, " inside the tensor before it, which ends at ", end);
      }
      if (p.begin > end)
        refuse(p.name, "begins at ", p.begin, ", hole of ", p.begin - end, " bytes");
      end = p.end;
    }
    if (static_cast<std::size_t>(end) != data.size()) {
      fail(where_, ": the last tensor ends at ", end, ", the file's data at ", data.size());
    }
  }

  /// Names that share most of their beginning and end with `name`: what is left of a typing error.
  std::string similar(std::string_view name) const {
    std::vector<std::pair<index_t, std::string_view>> ranked;
    for (const auto& [other, t] : tensors_) {
      const auto size = static_cast<index_t>(std::min(name.size(), other.size()));
      const index_t head =
          std::mismatch(name.begin(), name.begin() + size, other.begin()).first - name.begin();
      const index_t tail =
          std::mismatch(name.rbegin(), name.rbegin() + (size - head), other.rbegin()).first -
          name.rbegin();
      ranked.emplace_back(-(head + tail), other);
    }
    const std::size_t shown = std::min<std::size_t>(3, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<index_t>(shown), ranked.end());
    std::string text;
    for (std::size_t i = 0; i < shown; ++i) {
      text += (i == 0 ? "; similar: " : ", ") + name_text(ranked[i].second);
    }
    return text;
  }

  std::string where_;
  mapped_file file_;
  std::map<std::string, tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace openquant::format
