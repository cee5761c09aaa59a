// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstdint>
#include <istream>
#include <ostream>
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

/// Elements alone: the reader knows the shape.
inline void write(std::ostream& out, const bit_matrix& table) {
  write_bytes(out, table.data(), table.size_bytes());
}
inline void read(std::istream& in, bit_matrix& table) {
  read_bytes(in, table.data(), table.size_bytes());
}

}  // namespace openquant
