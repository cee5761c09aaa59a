// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstdint>
#include <doctest/doctest.h>
#include <set>

#include <openquant/lattice/golay.hpp>

namespace {

using namespace openquant::lattice;

TEST_CASE("golay: GF(4) is a field") {
  for (int a = 0; a < 4; ++a) {
    CHECK(gf4_product(a, 1) == a);
    CHECK(gf4_product(a, 0) == 0);
    if (a > 0) CHECK(gf4_product(a, gf4_product(a, a)) == 1);
    for (int b = 0; b < 4; ++b) {
      CHECK(gf4_product(a, b) == gf4_product(b, a));
      for (int c = 0; c < 4; ++c) {
        CHECK(gf4_product(a, b ^ c) == (gf4_product(a, b) ^ gf4_product(a, c)));
        CHECK(gf4_product(a, gf4_product(b, c)) == gf4_product(gf4_product(a, b), c));
      }
    }
  }
  CHECK((1 ^ 2) == gf4_product(2, 2));  // 1 + w = w^2
}

TEST_CASE("golay: the hexacode has 45 words of weight 4 and 18 of weight 6") {
  int weights[7] = {};
  for (const auto& word : hexacode) {
    int weight = 0;
    for (const auto digit : word) weight += digit != 0;
    ++weights[weight];
  }
  CHECK(weights[0] == 1);
  CHECK(weights[4] == 45);
  CHECK(weights[6] == 18);
}

TEST_CASE("golay: the docstring's weights, so the least distance of a linear code is 8") {
  int weights[25] = {};
  for (int index = 0; index < golay::words; ++index) ++weights[std::popcount(golay::word(index))];
  CHECK(weights[0] == 1);
  CHECK(weights[8] == 759);
  CHECK(weights[12] == 2576);
  CHECK(weights[16] == 759);
  CHECK(weights[24] == 1);
}

TEST_CASE("golay: word is linear and index its inverse") {
  for (int index = 0; index < golay::words; ++index) {
    std::uint32_t sum = 0;
    for (int j = 0; j < 12; ++j) {
      if (index >> j & 1) sum ^= golay::word(1 << j);
    }
    REQUIRE(golay::word(index) == sum);
    REQUIRE(golay::index(sum) == index);
  }
}

TEST_CASE("golay: of masks those are words that are listed") {
  std::set<std::uint32_t> words;
  for (int index = 0; index < golay::words; ++index) words.insert(golay::word(index));
  CHECK(words.size() == 4096);
  int found = 0;
  bool agree = true;
  for (std::uint32_t mask = 0; mask < 1u << 24; mask += 13) {
    found += golay::contains(mask);
    agree = agree && golay::contains(mask) == (words.count(mask) == 1);
  }
  CHECK(agree);
  CHECK(found > 200);
}

TEST_CASE("golay: columns have their parity, value and top bit") {
  for (int p = 0; p < 2; ++p) {
    for (int c = 0; c < 4; ++c) {
      for (int h = 0; h < 2; ++h) {
        const std::uint32_t column = golay::column(p, c, h);
        CHECK((std::popcount(column) & 1) == p);
        CHECK(golay::value(column) == c);
        CHECK(static_cast<int>(column & 1) == h);
        CHECK(golay::column(p, c, 1 - h) == (15u ^ column));
      }
    }
  }
}

}  // namespace
