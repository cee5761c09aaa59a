// SPDX-License-Identifier: Apache-2.0
#include "llm/results.hpp"

#include <doctest/doctest.h>

namespace {

llm::result made(const char* name, double bits, double kld) {
  llm::result r;
  r.method = name;
  r.bits_per_weight = bits;
  r.divergence.mean = kld;
  return r;
}

}  // namespace

TEST_CASE("results: the front holds what nothing beats in bits and divergence, by rising bits") {
  std::vector<llm::result> all{made("worse at 4", 4.2, 0.05), made("8", 8, 0.001),
                               made("best at 4", 4, 0.04), made("equal to 8", 8, 0.001),
                               made("more bits, no gain", 9, 0.001)};
  llm::sort_into_front(all);
  const std::vector<std::string> expected{"best at 4", "8", "equal to 8", "worse at 4",
                                          "more bits, no gain"};
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].method == expected[i]);
    CHECK(all[i].on_front == (i < 3));
  }
}

TEST_CASE("results: the table has a row a method, the front marked, and the reference") {
  std::vector<llm::result> all{made("a", 4, 0.04), made("b", 5, 0.05)};
  llm::sort_into_front(all);
  const std::string text = llm::table(all, 30.9);
  CHECK(text.find("| a * | 4.0000 | 0.04000 |") != std::string::npos);
  CHECK(text.find("| b | 5.0000 | 0.05000 |") != std::string::npos);
  CHECK(text.find("| reference, not quantized | | 0 | | | 100 | 30.900 | | |") !=
        std::string::npos);
}

TEST_CASE("results: a file is written whole or not at all") {
  CHECK_THROWS_AS(llm::write_file("no/such/folder/results.json", "{}"), openquant::error);
  CHECK_FALSE(std::filesystem::exists("no"));
}
