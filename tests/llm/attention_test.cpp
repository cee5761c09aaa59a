// SPDX-License-Identifier: Apache-2.0
#include "llm/attention.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>

#include "worst.hpp"

namespace oq = openquant;
using oq::index_t;

TEST_CASE("attention: equals its definition in double, over one part and over several") {
  const index_t d = 6;
  for (const index_t tokens : {1, 2, 63, 64, 65, 130}) {
    CAPTURE(tokens);
    oq::matrix<float> q(tokens, d), k = q, v = q, out = q;
    for (index_t i = 0; i < tokens * d; ++i) {
      const auto counter = static_cast<std::uint64_t>(i);
      q.data()[i] = oq::random::normal(1, counter);
      k.data()[i] = oq::random::normal(2, counter);
      v.data()[i] = oq::random::normal(3, counter);
    }
    llm::attend(q, k, v, out);
    double largest = 0;
    for (index_t t = 0; t < tokens; ++t) {
      std::vector<double> sum(static_cast<std::size_t>(d));
      double total = 0;
      for (index_t s = 0; s <= t; ++s) {
        double score = 0;
        for (index_t j = 0; j < d; ++j) {
          score += static_cast<double>(q(t, j)) * static_cast<double>(k(s, j));
        }
        const double part = std::exp(score / std::sqrt(static_cast<double>(d)));
        total += part;
        for (index_t j = 0; j < d; ++j) {
          sum[static_cast<std::size_t>(j)] += part * static_cast<double>(v(s, j));
        }
      }
      for (index_t j = 0; j < d; ++j) {
        const double expected = sum[static_cast<std::size_t>(j)] / total;
        largest = oq::test::worst(largest, std::fabs(static_cast<double>(out(t, j)) - expected));
      }
    }
    // Averages of numbers below 5, the parts off by some 40 roundings each.
    CHECK(largest < 5 * 40 * 0x1p-24);
  }
}
