// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openquant/core/config.hpp>
#include <openquant/core/error.hpp>
#include <openquant/format/mapped_file.hpp>
#include <openquant/format/safetensors_writer.hpp>
#include <openquant/format/tensor.hpp>

/// The safetensors file format: the reader here, the writer in safetensors_writer.hpp; this header
/// brings both.
///
///   | u64 n | n bytes of JSON, spaces at the end | bytes of the tensors |
///   {"__metadata__": {"key": "text"}, "name": {"dtype": "F16", "shape": [m, n],
///                                              "data_offsets": [begin, end]}, ...}
///
/// Offsets count from the end of the header. The tensors cover the rest of the file: no hole, no
/// overlap, nothing after the last.
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
    const std::string_view header = find_header();
    const std::span<const std::byte> data = file_.bytes().subspan(8 + header.size());
    const nlohmann::json entries = parse(header);
    for (const auto& [name, entry] : entries.items()) {
      if (name == "__metadata__") {
        read_metadata(entry);
      } else {
        tensors_.emplace(name, read_tensor(entry, name, data));
      }
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
  using json = nlohmann::json;

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
    const std::string_view text(reinterpret_cast<const char*>(all.data() + 8), size);
    if (!text.starts_with('{')) fail(where_, ": the header does not start with '{'");
    // The parser would take a zero byte for the end of the text and ignore what follows.
    if (text.find('\0') != text.npos) fail(where_, ": zero byte in the header");
    return text;
  }

  /// The parser itself keeps one of two equal keys and accepts any depth.
  json parse(std::string_view text) const {
    constexpr int deepest = 3;  // header, entry, list
    std::array<std::set<std::string>, deepest + 1> keys;
    const auto check = [&](int depth, json::parse_event_t event, json& key) {
      const auto level = static_cast<std::size_t>(depth);
      if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
        if (depth >= deepest) fail(where_, ": header nested deeper than ", deepest, " levels");
        keys[level + 1].clear();
      } else if (event == json::parse_event_t::key) {
        if (!keys[level].insert(key.get<std::string>()).second) {
          fail(where_, ": ", name_text(key.get_ref<const std::string&>()), " stands twice",
               level == 1 ? " in the header" : " in one entry");
        }
      }
      return true;
    };
    try {
      return json::parse(text.begin(), text.end(), check);
    } catch (const json::exception& reason) {
      fail(where_, ": invalid header: ", std::string_view(reason.what()).substr(0, 200));
    }
  }

  void read_metadata(const json& entry) {
    if (!entry.is_object()) fail(where_, ": __metadata__ is not an object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) fail(where_, ": __metadata__ ", name_text(key), " is not a string");
      metadata_.emplace(key, value.get<std::string>());
    }
  }

  tensor read_tensor(const json& entry, const std::string& name,
                     std::span<const std::byte> data) const {
    if (!entry.is_object()) refuse(name, "its entry is not an object");
    const auto type_name = entry.find("dtype");
    if (type_name == entry.end() || !type_name->is_string()) refuse(name, "no dtype");
    const std::optional<dtype> type = find_dtype(type_name->get_ref<const std::string&>());
    if (!type) {
      refuse(name, "unknown dtype ", name_text(type_name->get_ref<const std::string&>()));
    }
    const std::vector<index_t> shape = read_integers(entry, "shape", name);
    const std::vector<index_t> offsets = read_integers(entry, "data_offsets", name);
    if (offsets.size() != 2) refuse(name, "data_offsets of ", offsets.size(), " numbers, not 2");
    const index_t begin = offsets[0], end = offsets[1];
    if (begin > end) refuse(name, "begins at ", begin, ", after its end ", end);
    if (static_cast<std::size_t>(end) > data.size()) {
      refuse(name, "ends at ", end, ", the file's data at ", data.size());
    }
    tensor t{*type, shape,
             data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin))};
    check_size(t, where_, name);
    return t;
  }

  /// Numbers with a sign, a fraction, an exponent or more than 63 bits are not of the integer kind.
  std::vector<index_t> read_integers(const json& entry, const char* key,
                                     const std::string& name) const {
    const auto list = entry.find(key);
    if (list == entry.end() || !list->is_array()) refuse(name, "no list ", key);
    std::vector<index_t> integers;
    for (const json& number : *list) {
      constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<index_t>::max());
      if (!number.is_number_unsigned() || number.get<std::uint64_t>() > largest) {
        refuse(name, key, " holds ", number.dump().substr(0, 40), ", not an integer in [0, 2^63)");
      }
      integers.push_back(number.get<index_t>());
    }
    return integers;
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
