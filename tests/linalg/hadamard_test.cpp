// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/linalg/hadamard.hpp>

#include "core/lane_cases.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using linalg::hadamard_transform;
using linalg::split_hadamard;

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

matrix_view<float> row_of(std::vector<float>& x) {
  return {x.data(), 1, static_cast<index_t>(x.size())};
}

/// Sylvester's matrix: -1 to the number of common bits.
double sylvester(index_t i, index_t j) {
  return std::popcount(static_cast<std::size_t>(i & j)) % 2 ? -1 : 1;
}

matrix<float> transposed(const matrix<float>& a) {
  matrix<float> b(a.cols(), a.rows());
  for (index_t i = 0; i < a.rows(); ++i) {
    for (index_t j = 0; j < a.cols(); ++j) b(j, i) = a(i, j);
  }
  return b;
}

TEST_CASE("hadamard: equals the dense H_m x Sylvester / sqrt(n)") {
  for (const index_t n : {24, 56, 192, 344, 448, 640, 768}) {
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
      error = test::worst(error, static_cast<double>(std::fabs(y[i] - x[i])));
    }
    CHECK(error <= 1e-5);
  }
}

/// X <- root H_m X, or its transpose, one float at a time.
template <bool inverse>
void multiply(std::vector<float>& x, linalg::hadamard_size size, float root) {
  const linalg::scaled after{root};
  if (size.m == 172) {
    return linalg::williamson_product<inverse, float>(x.data(), size.power, after);
  }
  const auto h = linalg::hadamard_matrix(size.m);
  linalg::sign_product(inverse ? transposed(h) : h).apply<float>(x.data(), size.power, after);
}

TEST_CASE_TEMPLATE("hadamard: every width of the lanes gives the same bits", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  for (const index_t n :
       {2, 8, 24, 56, 64, 192, 344, 448, 640, 688, 768, 1408, 2736, 2752, 4096, 11008}) {
    CAPTURE(n);
    const auto size = split_hadamard(n);
    const hadamard_transform h(n);
    auto x = normal_vector(n, 4), y = x;
    h.apply<Arch>(x);
    const auto power = static_cast<std::size_t>(size->power);
    const float root = 1.0f / std::sqrt(static_cast<float>(n));
    if (size->m == 1) {
      linalg::walsh_hadamard_scalar(y, linalg::unscaled{}, linalg::scaled{root});
    } else {
      for (std::size_t b = 0; b < y.size(); b += power) {
        linalg::walsh_hadamard_scalar(std::span(y).subspan(b, power));
      }
      multiply<false>(y, *size, root);
    }
    CHECK(x == y);
    h.apply_inverse<Arch>(x);
    if (size->m == 1) continue;
    for (std::size_t b = 0; b < y.size(); b += power) {
      linalg::walsh_hadamard_scalar(std::span(y).subspan(b, power));
    }
    multiply<true>(y, *size, root);
    CHECK(x == y);
  }
}

TEST_CASE("hadamard: the rows of a matrix are as one by one") {
  for (const index_t n : {4, 24, 640, 1024, 1408, 11008}) {
    CAPTURE(n);
    constexpr index_t rows = 5, gap = 2;
    const hadamard_transform h(n);
    auto all = normal_vector(rows * (n + gap), 8), single = all;
    const matrix_view<float> x(all.data(), rows, n, n + gap);
    const matrix_view<float> y(single.data(), rows, n, n + gap);
    h.apply(x);
    for (index_t i = 0; i < rows; ++i) h.apply(y.row(i));
    CHECK(all == single);
    h.apply_inverse(x);
    for (index_t i = 0; i < rows; ++i) h.apply_inverse(y.row(i));
    CHECK(all == single);
  }
}

/// The sums of 172 terms come in another order: to one rounding a term of the root mean square.
TEST_CASE_TEMPLATE("hadamard: vectors side by side are as one by one", Arch, baseline_arch,
                   test::middle_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  for (const index_t n : {1, 4, 24, 112, 128, 344, 640, 1408, 2736}) {
    CAPTURE(n);
    const hadamard_transform h(n);
    auto x = normal_vector(n * width, 9);
    matrix<float> expected(width, n);
    transpose(matrix_view<float>(x.data(), n, width), expected.view());
    h.apply_between<Arch>(expected.view(), std::vector<float>(static_cast<std::size_t>(n), 1.0f),
                          std::vector<float>(static_cast<std::size_t>(n), 1.0f));
    h.apply_columns<lanes>(x.data());
    double worst = 0;
    for (index_t i = 0; i < n * width; ++i) {
      worst = test::worst(worst, std::fabs(static_cast<double>(x[static_cast<std::size_t>(i)] -
                                                               expected(i % width, i / width))));
    }
    CHECK(worst <= (split_hadamard(n)->m == 172 ? 172 * 0x1p-24 * std::sqrt(n) : 0));
  }
}

TEST_CASE("hadamard: diagonals before and after are as passes of their own") {
  for (const index_t n : {1, 4, 24, 128, 344, 1536, 11008}) {
    CAPTURE(n);
    const hadamard_transform h(n);
    const auto signs = normal_vector(n, 5), other = normal_vector(n, 6),
               start = normal_vector(n, 7);
    std::vector<float> before, after;  // powers of two: products are exact
    for (const float v : signs) before.push_back(v < 0 ? -2.0f : 0.5f);
    for (const float v : other) after.push_back(v < 0 ? -0.25f : 4.0f);
    const auto times = [](std::vector<float> x, const std::vector<float>& d) {
      for (std::size_t i = 0; i < x.size(); ++i) x[i] *= d[i];
      return x;
    };
    const float root = std::sqrt(static_cast<float>(n));
    for (const bool inverse : {false, true}) {
      auto fused = start, apart = times(start, before);
      if (inverse) {
        h.apply_inverse_between(row_of(fused), before, after);
        h.apply_inverse(apart);
      } else {
        h.apply_between(row_of(fused), before, after);
        h.apply(apart);
      }
      apart = times(apart, after);
      double worst = 0;
      for (std::size_t i = 0; i < fused.size(); ++i) {
        const double difference = std::fabs(static_cast<double>(fused[i] - apart[i] * root));
        worst = test::worst(worst, difference / (std::fabs(static_cast<double>(fused[i])) + 1e-30));
      }
      CHECK(worst <= 4 * 0x1p-24);  // but for the roundings of the scale and its square root
    }
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
