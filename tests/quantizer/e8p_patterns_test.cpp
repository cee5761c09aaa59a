// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <set>

#include <openquant/quantizer/e8p_patterns.hpp>

namespace {

using namespace openquant;

TEST_CASE("e8p_patterns: its tables are those of the patterns' numbers") {
  const auto& t = quantizer::e8p_table;
  for (std::size_t e = 0; e < 29; ++e) {
    const auto number = static_cast<std::size_t>(t.number[64 + e]);
    CHECK(t.long_word[e] == static_cast<float>(t.magnitude[number]));
    int norm = 0;  // of twice the magnitudes
    for (int i = 0; i < 8; ++i) {
      const int a = 2 * (t.magnitude[number] >> (2 * i) & 3) + 1;
      norm += a * a;
    }
    CHECK(norm == 4 * 12);
  }
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      const int five = 2 << (2 * i), three = i == j ? 0 : 1 << (2 * j);
      CHECK(t.magnitude[static_cast<std::size_t>(t.number[8 * i + j])] == five + three);
    }
  }
}

TEST_CASE("e8p_patterns: 256 of them, each once, of |a|^2 <= 10 or 12") {
  std::set<int> seen;
  int of_12 = 0;
  for (const std::uint16_t word : quantizer::e8p_table.magnitude) {
    seen.insert(word);
    int norm = 0;  // of twice the magnitudes
    for (int i = 0; i < 8; ++i) {
      const int a = 2 * (word >> (2 * i) & 3) + 1;
      CHECK(a <= 5);
      norm += a * a;
    }
    of_12 += norm == 4 * 12 ? 1 : 0;
    CHECK((norm <= 4 * 10 || norm == 4 * 12));
  }
  CHECK(seen.size() == 256);
  CHECK(of_12 == 29);
}

}  // namespace
