// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/metric/perplexity.hpp>

namespace {

using namespace openquant;
using metric::negative_log_likelihood;
using metric::perplexity;

TEST_CASE_TEMPLATE("perplexity: equals the sum in double", Arch, baseline_arch, default_arch) {
  for (const index_t vocab : {1, 3, 17, 4096}) {
    constexpr index_t tokens = 3;
    matrix<float> logits(tokens, vocab);
    std::vector<std::uint32_t> targets;
    double expected = 0, tolerance = 0;
    for (index_t i = 0; i < tokens; ++i) {
      const auto row = logits.row(i);
      for (index_t j = 0; j < vocab; ++j) {
        logits(i, j) = 5 * random::normal(4, static_cast<std::uint64_t>(i * vocab + j));
      }
      const double largest = static_cast<double>(*std::max_element(row.begin(), row.end()));
      targets.push_back(
          random::index(8, static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(vocab)));
      double z = 0, error = 0;
      for (const float x : row) {
        const double a = static_cast<double>(x) - largest;
        z += std::exp(a);
        // Rounding of the argument, and four units in the last place for the exponential.
        error += std::exp(a) * (4 + std::fabs(a)) * 0x1p-24;
      }
      expected += std::log(z) + largest - static_cast<double>(logits(i, targets.back()));
      tolerance += 1.01 * error / z + 1e-14;
    }
    CHECK(std::fabs(negative_log_likelihood<Arch>(logits, targets) - expected) <= tolerance);
  }
}

TEST_CASE_TEMPLATE("perplexity: uniform logits give the size of the vocabulary", Arch,
                   baseline_arch, default_arch) {
  for (const index_t vocab : {1, 3, 17, 4096}) {
    matrix<float> logits(5, vocab);
    for (index_t i = 0; i < 5; ++i) std::ranges::fill(logits.row(i), 7.5f);
    const std::vector<std::uint32_t> targets(5, 0);
    perplexity p;
    p.add(negative_log_likelihood<Arch>(logits, targets), 5);
    CHECK(p.value() == doctest::Approx(static_cast<double>(vocab)).epsilon(1e-12));
  }
}

TEST_CASE_TEMPLATE("perplexity: extreme logits", Arch, baseline_arch, default_arch) {
  matrix<float> logits(2, 3);
  logits(0, 1) = 1e4f, logits(0, 2) = -1e4f;
  logits(1, 1) = 1e4f;
  CHECK(negative_log_likelihood<Arch>(logits, std::vector<std::uint32_t>{2, 1}) == 20000);
}

TEST_CASE("perplexity: windows weigh by their tokens") {
  perplexity p;
  p.add(std::log(2.0), 1);
  p.add(3 * std::log(4.0), 3);
  CHECK(p.tokens() == 4);
  CHECK(p.value() == doctest::Approx(std::exp2(7.0 / 4)));
}

TEST_CASE("perplexity: hostile input is refused") {
  matrix<float> logits(2, 3);
  const std::vector<std::uint32_t> good{0, 2}, outside{0, 3}, huge{0, 0xffffffffu}, few{0};
  CHECK_NOTHROW(negative_log_likelihood(logits, good));
  CHECK_THROWS_WITH_AS(negative_log_likelihood(logits, outside),
                       "perplexity: target 3 of token 1 is outside a vocabulary of 3", error);
  CHECK_THROWS_AS(negative_log_likelihood(logits, huge), error);
  CHECK_THROWS_WITH_AS(negative_log_likelihood(logits, few),
                       "perplexity: logits are (2, 3), targets are (1)", error);
  CHECK_THROWS_AS(negative_log_likelihood(matrix<float>(0, 3), {}), error);
  logits(1, 0) = -std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH_AS(negative_log_likelihood(logits, good),
                       "perplexity: logit 0 of token 1 is -inf", error);
  perplexity p;
  CHECK_THROWS_AS(p.value(), error);
  CHECK_THROWS_AS(p.add(1.0, 0), error);
  CHECK_THROWS_AS(p.add(-1.0, 1), error);
  CHECK_THROWS_AS(p.add(std::numeric_limits<double>::quiet_NaN(), 1), error);
  CHECK_THROWS_AS(p.add(std::numeric_limits<double>::infinity(), 1), error);
  CHECK(p.tokens() == 0);
}

}  // namespace
