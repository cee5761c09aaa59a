// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/linalg/hadamard.hpp>

namespace {

using namespace openquant;
using linalg::hadamard_transform;
using linalg::split_hadamard;
using linalg::walsh_hadamard;

std::vector<float> normal_vector(index_t n, std::uint64_t seed) {
  std::vector<float> x;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(n); ++i) {
    x.push_back(random::normal(seed, i));
  }
  return x;
}

double norm(const std::vector<float>& x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum);
}

/// Sylvester's matrix: -1 to the number of common bits.
double sylvester(index_t i, index_t j) {
  return std::popcount(static_cast<std::size_t>(i & j)) % 2 ? -1 : 1;
}

TEST_CASE("hadamard: walsh_hadamard is Sylvester's matrix") {
  for (const index_t n : {1, 2, 4, 8, 16, 64, 256}) {
    const auto x = normal_vector(n, 1);
    auto y = x;
    walsh_hadamard(y);
    double magnitude = 0;
    for (const float v : x) magnitude += std::fabs(static_cast<double>(v));
    const double bound = std::log2(static_cast<double>(n) + 1) * 0x1p-24 * magnitude;
    for (index_t i = 0; i < n; ++i) {
      double sum = 0;
      for (index_t j = 0; j < n; ++j) {
        sum += sylvester(i, j) * static_cast<double>(x[static_cast<std::size_t>(j)]);
      }
      CHECK(std::fabs(static_cast<double>(y[static_cast<std::size_t>(i)]) - sum) <= bound);
    }
  }
}

TEST_CASE("hadamard: equals the dense H_m x Sylvester / sqrt(n)") {
  for (const index_t n : {24, 56, 344, 768}) {
    const auto size = split_hadamard(n);
    REQUIRE(size);
    REQUIRE(size->m * size->power == n);
    const auto factor = linalg::hadamard_matrix(size->m);
    const auto x = normal_vector(n, 2);
    auto y = x, z = x;
    const hadamard_transform h(n);
    h.apply(y);
    h.apply_inverse(z);
    const double root = std::sqrt(static_cast<double>(n));
    double magnitude = 0;
    for (const float v : x) magnitude += std::fabs(static_cast<double>(v)) / root;
    const double bound = static_cast<double>(size->m + 12) * 0x1p-24 * magnitude;
    for (index_t i = 0; i < n; ++i) {
      double forward = 0, backward = 0;
      for (index_t j = 0; j < n; ++j) {
        const index_t a = i / size->power, b = j / size->power;
        const double s = sylvester(i % size->power, j % size->power) / root;
        const double v = static_cast<double>(x[static_cast<std::size_t>(j)]);
        forward += static_cast<double>(factor(a, b)) * s * v;
        backward += static_cast<double>(factor(b, a)) * s * v;
      }
      CHECK(std::fabs(static_cast<double>(y[static_cast<std::size_t>(i)]) - forward) <= bound);
      CHECK(std::fabs(static_cast<double>(z[static_cast<std::size_t>(i)]) - backward) <= bound);
    }
  }
}

TEST_CASE("hadamard: orthonormal, with its inverse, at the sizes of models") {
  for (const index_t n : {1,    2,    12,   24,   40,   64,   128,   160,   344,   896,
                          1024, 1536, 2560, 2736, 3584, 4864, 11008, 13824, 14336, 18944}) {
    CAPTURE(n);
    const hadamard_transform h(n);
    CHECK(h.size() == n);
    const auto x = normal_vector(n, 3);
    auto y = x;
    h.apply(y);
    CHECK(std::fabs(norm(y) / norm(x) - 1) <= 1e-5);
    h.apply_inverse(y);
    double error = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      error = std::max(error, static_cast<double>(std::fabs(y[i] - x[i])));
    }
    CHECK(error <= 1e-5);
  }
}

TEST_CASE("hadamard: the split with the smallest factor") {
  const auto is = [](index_t n, index_t m, index_t power) {
    const auto size = split_hadamard(n);
    return size && size->m == m && size->power == power;
  };
  CHECK(is(1, 1, 1));
  CHECK(is(4096, 1, 4096));
  CHECK(is(24, 12, 2));
  CHECK(is(40, 20, 2));
  CHECK(is(56, 28, 2));
  CHECK(is(344, 172, 2));
  CHECK(is(768, 12, 64));
  CHECK(is(11008, 172, 64));
  CHECK(is(2736, 684, 4));
  for (const index_t n : {-8, 0, 3, 6, 100, 92}) CHECK(!split_hadamard(n));
}

TEST_CASE("hadamard: a size without a matrix is refused, with those beside it") {
  try {
    hadamard_transform h(100);
    FAIL("accepted");
  } catch (const error& e) {
    const std::string text = e.what();
    CHECK(text.find("order 100") != text.npos);
    CHECK(text.find("96 and 104") != text.npos);
  }
  CHECK_THROWS_AS(hadamard_transform(3), error);
}

TEST_CASE("hadamard: sizes below 1 are refused") {
  CHECK_THROWS_AS(hadamard_transform(0), error);
  CHECK_THROWS_AS(hadamard_transform(-4), error);
}

}  // namespace
