// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <tuple>
#include <type_traits>

#include <openquant/core/bit_pack.hpp>
#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>

/// Values as little-endian bytes on a standard stream, the same on every machine.
namespace openquant {

static_assert(std::endian::native == std::endian::little, "openquant: little-endian machines only");

template <class T>
concept Scalar = std::is_arithmetic_v<T> || std::is_enum_v<T>;

inline void write_bytes(std::ostream& out, const void* data, index_t bytes) {
  out.write(static_cast<const char*>(data), bytes);
  if (!out) fail("save: the stream refused ", bytes, " bytes");
}
inline void read_bytes(std::istream& in, void* data, index_t bytes) {
  in.read(static_cast<char*>(data), bytes);
  if (in.gcount() != bytes) {
    fail("load: the stream ended ", bytes - index_t{in.gcount()}, " bytes too early");
  }
}

template <Scalar T>
void write(std::ostream& out, const T& value) {
  write_bytes(out, &value, sizeof value);
}
template <Scalar T>
void read(std::istream& in, T& value) {
  if constexpr (std::is_same_v<T, bool>) {  // only 0 and 1 are values of bool
    std::uint8_t byte;
    read_bytes(in, &byte, 1);
    if (byte > 1) fail("load: a flag holds ", int{byte});
    value = byte == 1;
  } else {
    read_bytes(in, &value, sizeof value);
  }
}

/// Bytes from here to the end of the stream: what a size in it is checked against before memory of
/// that size is asked for. Throws openquant::error where the stream cannot seek.
inline index_t remaining_bytes(std::istream& in) {
  const auto here = in.tellg();
  if (here == std::istream::pos_type(-1)) {
    fail("load: the stream cannot seek; read it into memory first");
  }
  const auto end = in.seekg(0, std::ios::end).tellg();
  in.seekg(here);
  return static_cast<index_t>(end - here);
}

/// Text with its length in front.
inline void write(std::ostream& out, const std::string& text) {
  write(out, static_cast<std::uint32_t>(text.size()));
  write_bytes(out, text.data(), static_cast<index_t>(text.size()));
}
inline void read(std::istream& in, std::string& text) {
  std::uint32_t size;
  read(in, size);
  if (size > 4096) fail("load: a name of ", size, " bytes");
  text.resize(size);
  read_bytes(in, text.data(), static_cast<index_t>(size));
}

/// Order and elements of a square matrix.
inline void write(std::ostream& out, const matrix<float>& a) {
  if (a.rows() != a.cols()) fail("save: a (", a.rows(), ", ", a.cols(), ") matrix is not square");
  write(out, std::int64_t{a.rows()});
  write_bytes(out, a.data(), a.rows() * a.rows() * static_cast<index_t>(sizeof(float)));
}
inline void read(std::istream& in, matrix<float>& a) {
  std::int64_t n;
  read(in, n);
  const index_t left = remaining_bytes(in);
  if (n < 0 || n > 1 << 20 || n * n * 4 > left) fail("load: a matrix of order ", n);
  a = matrix<float>(n, n);
  read_bytes(in, a.data(), n * n * static_cast<index_t>(sizeof(float)));
}

/// A model's options: what its `members` name, one after the other; nothing for an empty model.
template <class Model>
void write_members(std::ostream& out, const Model& model) {
  if constexpr (!std::is_empty_v<Model>) {
    std::apply([&](const auto&... member) { (write(out, member), ...); }, Model::members(model));
  }
}
template <class Model>
void read_members(std::istream& in, Model& model) {
  if constexpr (!std::is_empty_v<Model>) {
    std::apply([&](auto&... member) { (read(in, member), ...); }, Model::members(model));
  }
}

/// Whether two models have the same options.
template <class Model>
bool equal_members(const Model& a, const Model& b) {
  if constexpr (std::is_empty_v<Model>)
    return true;
  else
    return Model::members(a) == Model::members(b);
}

/// Elements alone: the reader knows the shape.
inline void write(std::ostream& out, const bit_matrix& table) {
  write_bytes(out, table.data(), table.size_bytes());
}
inline void read(std::istream& in, bit_matrix& table) {
  read_bytes(in, table.data(), table.size_bytes());
}

}  // namespace openquant
