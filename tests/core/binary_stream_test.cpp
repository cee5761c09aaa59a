// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <sstream>
#include <streambuf>
#include <string>
#include <tuple>

#include <openquant/core/binary_stream.hpp>

namespace {

using namespace openquant;

enum class color : std::uint8_t { red = 1, green = 2 };

struct options {
  bool symmetric = false;
  float alpha = 0;
  color shade = color::red;
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.symmetric, self.alpha, self.shade);
  }
};
struct no_options {};

template <class T>
std::string bytes_of(const T& value) {
  std::ostringstream out;
  write(out, value);
  return out.str();
}

/// Reads T from `bytes`, which must be too few.
template <class T>
void refuse(const std::string& bytes) {
  std::istringstream in(bytes);
  T value{};
  CHECK_THROWS_AS(read(in, value), error);
}

/// Reads back what was written, and refuses every shorter beginning of it.
template <class T>
void check_round_trip(const T& value) {
  const std::string bytes = bytes_of(value);
  std::istringstream in(bytes);
  T back{};
  read(in, back);
  CHECK(back == value);
  CHECK(in.peek() == std::istringstream::traits_type::eof());
  for (std::size_t n = 0; n < bytes.size(); ++n) refuse<T>(bytes.substr(0, n));
}

TEST_CASE("binary_stream: values are little-endian bytes") {
  CHECK(bytes_of(std::uint32_t{0x04030201}) == "\x01\x02\x03\x04");
  CHECK(bytes_of(1.0f) == std::string("\0\0\x80\x3f", 4));
  CHECK(bytes_of(color::green) == "\x02");
  CHECK(bytes_of(true) == "\x01");
}

TEST_CASE("binary_stream: round trips, and truncated input is refused at every length") {
  check_round_trip(std::int64_t{-5});
  check_round_trip(std::numeric_limits<double>::denorm_min());
  check_round_trip(true);
  check_round_trip(color::green);
  check_round_trip(std::string());
  check_round_trip(std::string("uniform<4>\0x", 12));
  matrix<float> square(3, 3);
  for (index_t i = 0; i < 9; ++i) square.data()[i] = static_cast<float>(i) / 3;
  check_round_trip(square);
  check_round_trip(matrix<float>(0, 0));
}

TEST_CASE("binary_stream: a table's elements, for a reader who knows its shape") {
  bit_matrix table(3, 5, 7);
  for (index_t j = 0; j < 5; ++j) table.set(1, j, static_cast<std::uint64_t>(100 + j));
  const std::string bytes = bytes_of(table);
  CHECK(static_cast<index_t>(bytes.size()) == table.size_bytes());
  bit_matrix back(3, 5, 7);
  std::istringstream in(bytes);
  read(in, back);
  CHECK(back == table);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    std::istringstream shorter(bytes.substr(0, n));
    CHECK_THROWS_AS(read(shorter, back), error);
  }
}

TEST_CASE("binary_stream: options are their members, one after the other") {
  const options written{.symmetric = true, .alpha = 0.25f, .shade = color::green};
  std::ostringstream out;
  write_members(out, written);
  write_members(out, no_options{});
  CHECK(out.str().size() == 1 + 4 + 1);
  std::istringstream in(out.str());
  options back;
  no_options nothing;
  read_members(in, back);
  read_members(in, nothing);
  CHECK(back.symmetric);
  CHECK(back.alpha == 0.25f);
  CHECK(back.shade == color::green);
}

/// Options within options.
struct pair_of_options {
  options first, second;
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.first, self.second);
  }
};

TEST_CASE("binary_stream: options of options, written and compared") {
  const pair_of_options written{{.alpha = 0.25f}, {.symmetric = true}};
  std::ostringstream out;
  write_members(out, written);
  CHECK(out.str().size() == 2 * (1 + 4 + 1));
  std::istringstream in(out.str());
  pair_of_options back;
  CHECK(!equal_members(back, written));
  read_members(in, back);
  CHECK(equal_members(back, written));
  back.second.symmetric = false;
  CHECK(!equal_members(back, written));
  CHECK(equal_members(no_options{}, no_options{}));
}

TEST_CASE("binary_stream: hostile bytes are refused") {
  refuse<bool>("\x02");
  refuse<std::string>(bytes_of(std::uint32_t{4097}) + std::string(4097, 'x'));
  refuse<std::string>(bytes_of(std::uint32_t{0xffffffff}));
  refuse<matrix<float>>(bytes_of(std::int64_t{-1}));
  refuse<matrix<float>>(bytes_of(std::int64_t{1} << 20));  // 4 TiB are announced, none follow
  refuse<matrix<float>>(bytes_of(std::numeric_limits<std::int64_t>::max()));
  std::istringstream in("ab");
  std::uint32_t word = 0;
  CHECK_THROWS_WITH_AS(read(in, word), "load: the stream ended 2 bytes too early", error);
}

TEST_CASE("binary_stream: a stream that takes nothing is reported") {
  struct full : std::streambuf {
  } buffer;
  std::ostream out(&buffer);
  CHECK_THROWS_WITH_AS(write(out, std::uint32_t{1}), "save: the stream refused 4 bytes", error);
}

TEST_CASE("binary_stream: bytes that remain") {
  std::istringstream in("abcdef");
  char first;
  in.get(first);
  CHECK(remaining_bytes(in) == 5);
  CHECK(in.get() == 'b');  // the position has not moved
  struct pipe : std::streambuf {
  } buffer;
  std::istream unseekable(&buffer);
  CHECK_THROWS_WITH_AS(remaining_bytes(unseekable),
                       "load: the stream cannot seek; read it into memory first", error);
}

}  // namespace
