// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openquant/core/config.hpp>
#include <openquant/core/error.hpp>
#include <openquant/format/tensor.hpp>

namespace openquant::format {

/// Largest header, the limit of the reference.
inline constexpr std::uint64_t safetensors_max_header = 100'000'000;

/// What the JSON header of a safetensors file says, before it is compared with the file.
///
///   {"__metadata__": {"key": "text"}, "name": {"dtype": "F16", "shape": [m, n],
///                                              "data_offsets": [begin, end]}, ...}
///
/// It is filled event by event as the text is parsed: a tree of values would keep one of two equal
/// names and forget the other, and would be many times as large as the text. Other fields of an
/// entry are ignored, as the reference does.
class safetensors_header : private nlohmann::json_sax<nlohmann::json> {
 public:
  struct entry {
    std::optional<dtype> type;
    std::optional<std::vector<index_t>> shape, offsets;
  };

  /// `where` begins every message.
  ///
  /// Throws: error naming the tensor, for text that is not such a header: broken JSON or UTF-8, a
  ///         name, field or key that stands twice, an unknown dtype, a number that is not an
  ///         integer in [0, 2^63), metadata that is not text, deep nesting
  safetensors_header(std::string_view text, std::string where) : where_(std::move(where)) {
    if (!text.starts_with('{')) fail(where_, ": the header does not start with '{'");
    // The parser would take a zero byte for the end of the text and ignore what follows.
    if (text.find('\0') != text.npos) fail(where_, ": zero byte in the header");
    nlohmann::json::sax_parse(text.begin(), text.end(),
                              static_cast<nlohmann::json_sax<nlohmann::json>*>(this));
  }

  const std::map<std::string, entry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  enum class field { metadata, type, shape, offsets, other };

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(where_, ": tensor ", name_text(name_), ": ", parts...);
  }

  /// A value where the format has none of its kind: an error, but in a field that is ignored.
  bool misplaced(std::string_view value) const {
    if (depth_ == 1 && in_metadata_) fail(where_, ": __metadata__ is ", value, ", not an object");
    if (depth_ == 1) refuse("its entry is ", value, ", not an object");
    switch (field_) {
      case field::metadata:
        fail(where_, ": __metadata__ ", name_text(key_), " is ", value, ", not text");
      case field::type:
        refuse("dtype is ", value, ", not text");
      case field::shape:
      case field::offsets:
        if (depth_ == 2) refuse(key_, " is ", value, ", not a list");
        refuse(key_, " holds ", value, ", not an integer in [0, 2^63)");
      case field::other:
        break;
    }
    return true;
  }
  bool nested(std::string_view value, bool expected) {
    if (!expected) misplaced(value);
    if (++depth_ > 3) refuse("more than 3 levels of nesting");
    return true;
  }
  entry& current() { return entries_.find(name_)->second; }

  bool start_object(std::size_t) override {
    const bool expected = depth_ < 2;
    if (depth_ == 1 && !in_metadata_) entries_.try_emplace(name_);
    return nested("an object", expected);
  }
  bool end_object() override { return --depth_, true; }
  bool start_array(std::size_t) override {
    std::optional<std::vector<index_t>>* list = nullptr;
    if (depth_ == 2 && field_ == field::shape) list = &current().shape;
    if (depth_ == 2 && field_ == field::offsets) list = &current().offsets;
    if (list != nullptr && list->has_value()) refuse(key_, " stands twice");
    if (list != nullptr) list->emplace();
    return nested("a list", list != nullptr);
  }
  bool end_array() override { return --depth_, true; }

  bool key(std::string& text) override {
    if (depth_ == 1) {
      name_ = text;
      const bool again = in_metadata_ = name_ == "__metadata__";
      if (again ? std::exchange(metadata_seen_, true) : entries_.contains(name_)) {
        fail(where_, ": ", name_text(name_), " stands twice in the header");
      }
    } else if (depth_ == 2) {
      key_ = text;
      field_ = in_metadata_             ? field::metadata
               : key_ == "dtype"        ? field::type
               : key_ == "shape"        ? field::shape
               : key_ == "data_offsets" ? field::offsets
                                        : field::other;
    }
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ == 2 && field_ == field::metadata) {
      if (!metadata_.emplace(key_, text).second) {
        fail(where_, ": __metadata__ ", name_text(key_), " stands twice");
      }
      return true;
    }
    if (depth_ != 2 || field_ != field::type) return misplaced("text");
    if (current().type) refuse("dtype stands twice");
    current().type = find_dtype(text);
    if (!current().type) refuse("unknown dtype ", name_text(text));
    return true;
  }
  bool number_unsigned(std::uint64_t number) override {
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<index_t>::max());
    const bool listed = depth_ == 3 && (field_ == field::shape || field_ == field::offsets);
    if (!listed || number > largest) return misplaced(std::to_string(number));
    (field_ == field::shape ? current().shape : current().offsets)
        ->push_back(static_cast<index_t>(number));
    return true;
  }
  bool number_integer(std::int64_t number) override { return misplaced(std::to_string(number)); }
  bool number_float(double, const std::string& text) override {
    return misplaced(printable(text, 40));
  }
  bool null() override { return misplaced("null"); }
  bool boolean(bool value) override { return misplaced(value ? "true" : "false"); }
  bool binary(nlohmann::json::binary_t&) override { return misplaced("binary"); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& e) override {
    fail(where_, ": invalid header: ", printable(e.what(), 200));
  }

  std::string where_, name_, key_;  // the tensor and the field at hand
  field field_ = field::other;
  bool in_metadata_ = false, metadata_seen_ = false;
  int depth_ = 0;  // of open objects and lists
  std::map<std::string, entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace openquant::format
