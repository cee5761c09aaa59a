// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/format/tensor.hpp>

#include "format/scratch_folder.hpp"

namespace {

using namespace openquant::format;
using openquant::index_t;
using openquant::test::contains;
using openquant::test::message;

constexpr index_t huge = index_t{1} << 62;

template <class T>
tensor view(dtype type, std::vector<index_t> shape, const std::vector<T>& elements) {
  return {type, std::move(shape), std::as_bytes(std::span(elements))};
}

}  // namespace

TEST_CASE("tensor: each dtype has its own name and is found by it") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < dtype_table.size(); ++i) {
    const auto type = static_cast<dtype>(i);
    names.insert(dtype_name(type));
    CHECK(find_dtype(dtype_name(type)) == type);
  }
  CHECK(names.size() == 15);
  CHECK(static_cast<std::size_t>(dtype::u64) == 14);
  CHECK(!find_dtype("f32"));
  CHECK(!find_dtype(""));
}

TEST_CASE("tensor: name and bits of every dtype") {
  const auto is = [](dtype type, std::string_view name, index_t bits) {
    return dtype_name(type) == name && dtype_bits(type) == bits;
  };
  CHECK(is(dtype::boolean, "BOOL", 8));
  CHECK(is(dtype::u8, "U8", 8));
  CHECK(is(dtype::i8, "I8", 8));
  CHECK(is(dtype::f8_e5m2, "F8_E5M2", 8));
  CHECK(is(dtype::f8_e4m3, "F8_E4M3", 8));
  CHECK(is(dtype::i16, "I16", 16));
  CHECK(is(dtype::u16, "U16", 16));
  CHECK(is(dtype::f16, "F16", 16));
  CHECK(is(dtype::bf16, "BF16", 16));
  CHECK(is(dtype::i32, "I32", 32));
  CHECK(is(dtype::u32, "U32", 32));
  CHECK(is(dtype::f32, "F32", 32));
  CHECK(is(dtype::f64, "F64", 64));
  CHECK(is(dtype::i64, "I64", 64));
  CHECK(is(dtype::u64, "U64", 64));
}

TEST_CASE("tensor: size in bytes, and shapes that have none") {
  const auto size = [](dtype type, std::vector<index_t> shape) { return tensor_size(type, shape); };
  CHECK(size(dtype::f32, {}) == 4);
  CHECK(size(dtype::bf16, {3, 5}) == 30);
  CHECK(size(dtype::f64, {3, 0, 5}) == 0);
  CHECK(size(dtype::u8, {huge}) == huge);
  CHECK(size(dtype::u16, {huge}) == std::nullopt);
  CHECK(size(dtype::u8, {huge, 2}) == std::nullopt);
  CHECK(size(dtype::u8, {huge, 4, 0}) == std::nullopt);
  CHECK(size(dtype::u8, {0, huge, 4}) == 0);
  CHECK(size(dtype::u8, {-1, -1}) == std::nullopt);
}

TEST_CASE("tensor: to_matrix keeps F32 bit by bit, NaN and infinities included") {
  std::vector<std::uint32_t> bits(6);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    bits[i] = static_cast<std::uint32_t>(openquant::random::bits(1, i));
  }
  bits[4] = 0x7fc12345u, bits[5] = 0xff800000u;
  const auto m = to_matrix(view(dtype::f32, {2, 3}, bits), "t");
  REQUIRE(m.rows() == 2);
  REQUIRE(m.cols() == 3);
  for (index_t i = 0; i < 6; ++i) {
    CHECK(std::bit_cast<std::uint32_t>(m(i / 3, i % 3)) == bits[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("tensor: to_matrix of F16, BF16 and F64 by hand") {
  const std::vector<std::uint16_t> half{0x3c00, 0xc000, 0x0001, 0x7bff};
  const auto h = to_matrix(view(dtype::f16, {4}, half), "t");
  CHECK(h.rows() == 1);
  CHECK(h.cols() == 4);
  CHECK(h(0, 0) == 1.0f);
  CHECK(h(0, 1) == -2.0f);
  CHECK(h(0, 2) == 0x1p-24f);
  CHECK(h(0, 3) == 65504.0f);

  const std::vector<std::uint16_t> brain{0x3f80, 0xc049};
  const auto b = to_matrix(view(dtype::bf16, {2, 1}, brain), "t");
  CHECK(b.rows() == 2);
  CHECK(b(0, 0) == 1.0f);
  CHECK(b(1, 0) == -3.140625f);

  const std::vector<double> wide{0.1, 1e300, -1e300, 1 + 0x1p-30};
  const auto d = to_matrix(view(dtype::f64, {1, 4}, wide), "t");
  CHECK(d(0, 0) == 0.1f);
  CHECK(d(0, 1) == std::numeric_limits<float>::infinity());
  CHECK(d(0, 2) == -std::numeric_limits<float>::infinity());
  CHECK(d(0, 3) == 1.0f);
}

TEST_CASE("tensor: to_matrix of no dimension and of no elements") {
  const std::vector<float> one{2.5f}, none;
  const auto scalar = to_matrix(view(dtype::f32, {}, one), "t");
  CHECK(scalar.rows() == 1);
  CHECK(scalar.cols() == 1);
  CHECK(scalar(0, 0) == 2.5f);
  const auto wide = to_matrix(view(dtype::f32, {0, 7}, none), "t");
  CHECK(wide.rows() == 0);
  CHECK(wide.cols() == 7);
  CHECK(to_matrix(view(dtype::f32, {0}, none), "t").cols() == 0);
}

TEST_CASE("tensor: to_matrix reads from every address") {
  std::vector<std::byte> bytes(8 + 3 * sizeof(double));
  const std::vector<double> values{1.5, -2.0, 3.25};
  for (std::size_t start = 0; start < 8; ++start) {
    std::memcpy(bytes.data() + start, values.data(), 3 * sizeof(double));
    const auto m =
        to_matrix({dtype::f64, {3}, std::span(bytes).subspan(start, 3 * sizeof(double))}, "t");
    CHECK(m(0, 0) == 1.5f);
    CHECK(m(0, 1) == -2.0f);
    CHECK(m(0, 2) == 3.25f);
  }
}

TEST_CASE("tensor: to_matrix refuses other types, ranks and sizes, with the name") {
  const std::vector<std::int32_t> four(4);
  CHECK(message([&] { to_matrix(view(dtype::i32, {4}, four), "q"); }) ==
        "to_matrix: tensor \"q\" is I32, not F16, BF16, F32 or F64");
  CHECK(contains(message([&] { to_matrix(view(dtype::f8_e4m3, {16}, four), "q"); }), "F8_E4M3"));
  CHECK(message([&] {
          to_matrix(view(dtype::f32, {2, 2, 1}, four), "q");
        }) == "to_matrix: tensor \"q\" has shape [2, 2, 1], not two dimensions or fewer");
  CHECK(message([&] { to_matrix(view(dtype::f32, {5}, four), "q"); }) ==
        "to_matrix: tensor \"q\": F32 [5] needs 20 bytes, not 16");
  CHECK(contains(message([&] {
                   to_matrix(view(dtype::f32, {-2, -2}, four), "q");
                 }),
                 "[-2, -2] is not possible"));
}

TEST_CASE("tensor: shapes and names in messages are short and printable") {
  CHECK(shape_text(std::vector<index_t>{}) == "[]");
  CHECK(shape_text(std::vector<index_t>{4096, 256}) == "[4096, 256]");
  CHECK(shape_text(std::vector<index_t>(1000000, 1)) == "[1, 1, 1, 1, 1, 1, 1, 1, ...]");
  CHECK(name_text("a.b") == "\"a.b\"");
  CHECK(name_text(std::string_view("a\n\0\x1b\xff\x7f~", 7)) == "\"a?????~\"");
  CHECK(name_text(std::string(1000000, 'x')).size() == 125);
}
