// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

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

/// A type that names its options in `members`, or has none to name.
template <class M>
concept Composite = std::is_empty_v<M> || requires(M& m) {
  M::members(m);
};

/// A model's options: what its `members` name, one after the other, options of options included;
/// nothing for an empty model.
template <class M>
void write_members(std::ostream& out, const M& model) {
  const auto one = [&](const auto& member) {
    if constexpr (Composite<std::decay_t<decltype(member)>>)
      write_members(out, member);
    else
      write(out, member);
  };
  if constexpr (!std::is_empty_v<M>)
    std::apply([&](const auto&... member) { (one(member), ...); }, M::members(model));
}
template <class M>
void read_members(std::istream& in, M& model) {
  const auto one = [&](auto& member) {
    if constexpr (Composite<std::decay_t<decltype(member)>>)
      read_members(in, member);
    else
      read(in, member);
  };
  if constexpr (!std::is_empty_v<M>)
    std::apply([&](auto&... member) { (one(member), ...); }, M::members(model));
}

/// Whether two models have the same options.
template <class M>
bool equal_members(const M& a, const M& b) {
  if constexpr (std::is_empty_v<M>) {
    return true;
  } else if constexpr (Composite<M>) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto x = M::members(a), y = M::members(b);
      return (equal_members(std::get<I>(x), std::get<I>(y)) && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<decltype(M::members(a))>>{});
  } else {
    return a == b;
  }
}

/// Elements alone: the reader knows the shape.
inline void write(std::ostream& out, const bit_matrix& table) {
  write_bytes(out, table.data(), table.size_bytes());
}
inline void read(std::istream& in, bit_matrix& table) {
  read_bytes(in, table.data(), table.size_bytes());
}

}  // namespace openquant
