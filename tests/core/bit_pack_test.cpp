// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/bit_pack.hpp>
#include <openquant/core/executor.hpp>
#include <openquant/core/random.hpp>

namespace {

using namespace openquant;

std::uint64_t field(index_t i, index_t j, int width) {
  const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
  return random::bits(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(i * 100 + j)) &
         mask;
}

TEST_CASE("bit_pack: every width and ragged rows, bit by bit") {
  for (int width = 0; width <= bit_matrix::max_width; ++width) {
    for (const index_t cols : {0, 1, 2, 5, 8, 13}) {
      constexpr index_t rows = 3;
      bit_matrix table(rows, cols, width);
      const index_t row_bytes = (cols * width + 7) / 8;
      std::vector<std::uint8_t> expected(static_cast<std::size_t>(rows * row_bytes));
      for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) {
          table.set(i, j, field(i, j, width));
          for (int k = 0; k < width; ++k) {
            if ((field(i, j, width) >> k & 1) == 0) continue;
            const index_t bit = j * width + k;
            expected[static_cast<std::size_t>(i * row_bytes + bit / 8)] |=
                static_cast<std::uint8_t>(1 << bit % 8);
          }
        }
      }
      REQUIRE(table.row_bytes() == row_bytes);
      REQUIRE(table.size_bytes() == rows * row_bytes);
      CHECK(std::vector<std::uint8_t>(table.data(), table.data() + table.size_bytes()) == expected);
      bool same = true;
      for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) same &= table.get(i, j) == field(i, j, width);
      }
      CHECK(same);
    }
  }
}

TEST_CASE("bit_pack: a run is so many fields, wherever it starts and whatever lies beside it") {
  constexpr index_t rows = 3, cols = 21;
  for (int width = 0; width <= 32; ++width) {
    for (index_t from = 0; from < cols; ++from) {
      for (const index_t count : {0, 1, 2, 7, 21}) {
        if (from + count > cols) continue;
        bit_matrix one_by_one(rows, cols, width), run = one_by_one;
        for (index_t i = 0; i < rows; ++i) {
          for (index_t j = 0; j < cols; ++j) {
            one_by_one.set(i, j, field(i, j, width));
            const bool outside = i != 1 || j < from || j >= from + count;
            if (outside) run.set(i, j, field(i, j, width));
          }
        }
        run.set_run(1, from, count, [&](index_t k) { return field(1, from + k, width); });
        CHECK(run == one_by_one);
      }
    }
  }
}

TEST_CASE("bit_pack: the layout of the picture") {
  bit_matrix table(1, 8, 3);
  for (index_t j = 0; j < 8; ++j) table.set(0, j, static_cast<std::uint64_t>(j));
  CHECK(table.size_bytes() == 3);
  CHECK(table.data()[0] == 0b10'001'000);
  CHECK(table.data()[1] == 0b1'100'011'0);
  CHECK(table.data()[2] == 0b111'110'10);
}

TEST_CASE("bit_pack: fields may be written in any order") {
  bit_matrix up(2, 31, 11), down(2, 31, 11);
  for (index_t j = 0; j < 31; ++j) up.set(1, j, field(1, j, 11));
  for (index_t j = 30; j >= 0; --j) down.set(1, j, field(1, j, 11));
  CHECK(up == down);
  CHECK(up != bit_matrix(2, 31, 11));
  for (index_t j = 0; j < 31; ++j) CHECK(up.get(0, j) == 0);
}

TEST_CASE("bit_pack: threads write neighbouring rows") {
  // A row of 5 bits takes one byte: each row's neighbour lies in the next byte.
  for (const index_t cols : {1, 7}) {
    constexpr index_t rows = 2000;
    bit_matrix table(rows, cols, 5), in_order(rows, cols, 5);
    const auto fill = [cols](bit_matrix& t, index_t i) {
      if (i % 2 == 0) {
        for (index_t j = 0; j < cols; ++j) t.set(i, j, field(i, j, 5));
      } else {
        t.set_run(i, 0, cols, [&](index_t j) { return field(i, j, 5); });
      }
    };
    threads{4}.run(rows, [&](index_t i) { fill(table, i); });
    serial{}.run(rows, [&](index_t i) { fill(in_order, i); });
    CHECK(table == in_order);
  }
}

}  // namespace
