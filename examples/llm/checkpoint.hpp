// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <openquant/core/matrix.hpp>
#include <openquant/format/safetensors.hpp>

#include "llm/config.hpp"

namespace llm {

/// The weights in a Hugging Face folder: model.safetensors, or the shards that
/// model.safetensors.index.json lists. Files are mapped; a tensor is read when it is asked for.
///
/// Throws: error naming the file, and the tensor where it is about one
class checkpoint {
 public:
  explicit checkpoint(const std::filesystem::path& folder) : folder_(folder) {
    const auto single = folder / "model.safetensors", index = folder / index_name;
    if (std::filesystem::exists(single)) {
      const auto& file = open(single.filename().string());
      for (const auto& [name, tensor] : file.tensors()) files_[name] = single.filename().string();
    } else if (std::filesystem::exists(index)) {
      read_index(index);
    } else {
      oq::fail(folder.string(), ": neither model.safetensors nor ", index_name, " is there");
    }
  }

  bool contains(const std::string& name) const { return files_.contains(name); }

  /// The tensor of that name, as float.
  ///
  /// Throws: error if it is absent, has another shape or a weight that is not finite
  oq::matrix<float> matrix(const std::string& name, oq::index_t rows, oq::index_t cols) const {
    return read(name, {rows, cols});
  }
  std::vector<float> vector(const std::string& name, oq::index_t size) const {
    const oq::matrix<float> row = read(name, {size});
    return {row.row(0).begin(), row.row(0).end()};
  }

 private:
  static constexpr const char* index_name = "model.safetensors.index.json";

  const oq::format::safetensors_reader& open(const std::string& file) {
    const auto found = readers_.find(file);
    return found != readers_.end() ? found->second
                                   : readers_.try_emplace(file, folder_ / file).first->second;
  }

  void read_index(const std::filesystem::path& path) {
    const nlohmann::json index = read_json(path);
    const json_object map(json_object(index, path.string()).at("weight_map"),
                          path.string() + ": weight_map");
    for (const auto& [name, value] : map.values().items()) {
      const std::string file = map.text(name.c_str());
      // The name of a file in this folder, so that an index cannot open others.
      if (std::filesystem::path(file).filename() != file || file == "..") {
        map.refuse(name.c_str(), "not the name of a file in the folder");
      }
      if (!open(file).contains(name)) {
        oq::fail(path.string(), ": tensor \"", name, "\" is not in ", file);
      }
      files_[name] = file;
    }
  }

  oq::matrix<float> read(const std::string& name, const std::vector<oq::index_t>& shape) const {
    const auto found = files_.find(name);
    if (found == files_.end()) oq::fail(folder_.string(), ": no tensor \"", name, "\"");
    const std::string where = (folder_ / found->second).string() + ": tensor \"" + name + '"';
    const oq::format::tensor& stored = readers_.at(found->second).at(name);
    if (stored.shape != shape) {
      oq::fail(where, " has shape ", oq::format::shape_text(stored.shape), ", the config asks for ",
               oq::format::shape_text(shape));
    }
    oq::matrix<float> m = oq::format::to_matrix(stored, name);
    for (oq::index_t i = 0; i < m.rows(); ++i) {
      for (oq::index_t j = 0; j < m.cols(); ++j) {
        if (!std::isfinite(m(i, j))) oq::fail(where, ", row ", i, ", column ", j, ": ", m(i, j));
      }
    }
    return m;
  }

  std::filesystem::path folder_;
  std::map<std::string, oq::format::safetensors_reader> readers_;  // by file name
  std::map<std::string, std::string> files_;                       // tensor -> file name
};

}  // namespace llm
