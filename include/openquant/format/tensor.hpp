// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openquant/core/config.hpp>
#include <openquant/core/error.hpp>
#include <openquant/core/float16.hpp>
#include <openquant/core/matrix.hpp>

/// A tensor as model files store it: an element type, a shape and bytes, C order, little endian.
namespace openquant::format {

static_assert(std::endian::native == std::endian::little, "openquant: little-endian machines only");

/// Element types, in the order of the safetensors reference, whose writer sorts by it.
// clang-format off
enum class dtype {
  boolean, u8, i8, f8_e5m2, f8_e4m3, i16, u16, f16, bf16, i32, u32, f32, f64, i64, u64
};
struct dtype_facts {
  std::string_view name;
  index_t bits;
};
inline constexpr std::array<dtype_facts, 15> dtype_table{{
    {"BOOL", 8}, {"U8", 8},   {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8},
    {"I16", 16}, {"U16", 16}, {"F16", 16}, {"BF16", 16},   {"I32", 32},
    {"U32", 32}, {"F32", 32}, {"F64", 64}, {"I64", 64},    {"U64", 64}}};
// clang-format on

/// The name in a file: "BOOL", "U8", "BF16"...
constexpr std::string_view dtype_name(dtype type) {
  return dtype_table[static_cast<std::size_t>(type)].name;
}
/// Bits of one element.
constexpr index_t dtype_bits(dtype type) {
  return dtype_table[static_cast<std::size_t>(type)].bits;
}
/// The type of that name, if there is one.
constexpr std::optional<dtype> find_dtype(std::string_view name) {
  for (std::size_t i = 0; i < dtype_table.size(); ++i) {
    if (dtype_table[i].name == name) return static_cast<dtype>(i);
  }
  return std::nullopt;
}

/// A view: `bytes` belongs to the mapped file it came from, or to the caller. It may start at any
/// address, so elements are copied out, never read through a cast pointer.
struct tensor {
  dtype type;
  std::vector<index_t> shape;
  std::span<const std::byte> bytes;
};

/// Bytes that a tensor of this type and shape has; none if a dimension is negative or the product
/// does not fit in index_t. An empty shape is one element.
inline std::optional<index_t> tensor_size(dtype type, std::span<const index_t> shape) {
  index_t size = 1;
  for (const index_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(size, extent, &size)) return std::nullopt;
  }
  if (__builtin_mul_overflow(size, dtype_bits(type) / 8, &size)) return std::nullopt;
  return size;
}

/// "[4096, 256]"; of more than eight dimensions the first eight.
inline std::string shape_text(std::span<const index_t> shape) {
  std::string text = "[";
  for (const index_t extent : shape.first(std::min<std::size_t>(shape.size(), 8))) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + (shape.size() > 8 ? ", ...]" : "]");
}

/// Text from a file, fit for a message: printable ASCII, all else as '?', cut at `longest` bytes.
inline std::string printable(std::string_view text, std::size_t longest) {
  std::string shown(text.substr(0, longest));
  for (char& c : shown) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text.size() > longest ? shown + "..." : shown;
}
/// A tensor's name in a message: quoted, at most 120 bytes of it.
inline std::string name_text(std::string_view name) { return '"' + printable(name, 120) + '"'; }

/// Throws unless `t.bytes` has as many bytes as type and shape ask for.
inline void check_size(const tensor& t, std::string_view what, std::string_view name) {
  const std::optional<index_t> size = tensor_size(t.type, t.shape);
  if (!size) {
    fail(what, ": tensor ", name_text(name), ": shape ", shape_text(t.shape), " is not possible");
  }
  if (static_cast<std::size_t>(*size) != t.bytes.size()) {
    fail(what, ": tensor ", name_text(name), ": ", dtype_name(t.type), " ", shape_text(t.shape),
         " needs ", *size, " bytes, not ", t.bytes.size());
  }
}

/// Elements as float: F32, F16 and BF16 exactly, F64 to nearest (infinity beyond the range of
/// float). NaN and infinities pass.
///
/// Shapes:   [m, n] -> (m, n);  [n] -> (1, n);  [] -> (1, 1)
/// Throws:   error naming the tensor for another type or rank, or bytes that do not fit the shape
/// Cost:     one pass over the bytes
inline matrix<float> to_matrix(const tensor& t, std::string_view name) {
  check_size(t, "to_matrix", name);
  if (t.shape.size() > 2) {
    fail("to_matrix: tensor ", name_text(name), " has shape ", shape_text(t.shape),
         ", not two dimensions or fewer");
  }
  matrix<float> m(t.shape.size() == 2 ? t.shape[0] : 1, t.shape.empty() ? 1 : t.shape.back());
  const auto read = [&]<class Stored>(Stored element, auto convert) {
    const std::byte* from = t.bytes.data();
    float* to = m.data();
    for (index_t i = 0; i < m.rows() * m.cols(); ++i, from += sizeof element) {
      std::memcpy(&element, from, sizeof element);
      to[i] = convert(element);
    }
  };
  switch (t.type) {
    case dtype::f32:
      read(float{}, [](float x) { return x; });
      break;
    case dtype::f64:
      read(double{}, [](double x) { return static_cast<float>(x); });
      break;
    case dtype::f16:
      read(float16{}, [](float16 x) { return to_float(x); });
      break;
    case dtype::bf16:
      read(bfloat16{}, [](bfloat16 x) { return to_float(x); });
      break;
    default:
      fail("to_matrix: tensor ", name_text(name), " is ", dtype_name(t.type),
           ", not F16, BF16, F32 or F64");
  }
  return m;
}

}  // namespace openquant::format
