// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/linalg/gram.hpp>

namespace {

using namespace openquant;
using linalg::add_gram;

matrix<float> normal_matrix(index_t rows, index_t cols, std::uint64_t seed) {
  matrix<float> a(rows, cols);
  for (index_t i = 0; i < rows * cols; ++i) {
    a.data()[i] = random::normal(seed, static_cast<std::uint64_t>(i));
  }
  return a;
}

void check_gram(matrix_view<const float> x) {
  const index_t n = x.cols();
  matrix<double> h(n, n);
  for (index_t i = 0; i < n * n; ++i) h.data()[i] = 100 + static_cast<double>(i);
  add_gram(x, h);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      const double start = 100 + static_cast<double>(i * n + j);
      if (j > i) {
        CHECK(h(i, j) == start);  // above the diagonal nothing is written
        continue;
      }
      double sum = start, magnitude = 0;
      for (index_t t = 0; t < x.rows(); ++t) {
        const double term = static_cast<double>(x(t, i)) * static_cast<double>(x(t, j));
        sum += term, magnitude += std::fabs(term);
      }
      // Chunks of 256 in float: each of their sums rounds at most 256 times, whatever the tokens.
      CHECK(std::fabs(h(i, j) - sum) <= 257 * 0x1p-24 * magnitude + 1e-12);
    }
  }
}

TEST_CASE("gram: equals X^T X in double on and below the diagonal") {
  for (const index_t tokens : {0, 1, 5, 255, 256, 257, 600}) {
    for (const index_t n : {1, 3, 17, 300}) check_gram(normal_matrix(tokens, n, 1));
  }
}

TEST_CASE("gram: strided rows") {
  const auto x = normal_matrix(40, 30, 2);
  check_gram(x.view().block(3, 5, 33, 12));
}

TEST_CASE("gram: calls add up") {
  const auto x = normal_matrix(512, 6, 3);
  matrix<double> once(6, 6), twice(6, 6);
  add_gram(x, once);
  add_gram(x.view().block(0, 0, 256, 6), twice);
  add_gram(x.view().block(256, 0, 256, 6), twice);
  CHECK(once == twice);
}

TEST_CASE("gram: many tokens do not drown in the sum") {
  // 2^25 in float would swallow each further 1; the sums of chunks are in double.
  matrix<double> h(1, 1);
  matrix<float> big(1, 1), ones(1000, 1);
  big(0, 0) = 8192;
  for (index_t t = 0; t < 1000; ++t) ones(t, 0) = 1;
  add_gram(big, h);
  add_gram(ones, h);
  CHECK(h(0, 0) == 67108864.0 + 1000.0);
}

TEST_CASE("gram: shapes that do not fit are refused") {
  matrix<double> h(3, 3), oblong(3, 4);
  CHECK_THROWS_WITH_AS(add_gram(matrix<float>(5, 4), h), "add_gram: x is (5, 4), h is (3, 3)",
                       error);
  CHECK_THROWS_AS(add_gram(matrix<float>(5, 3), oblong), error);
  matrix<double> none(0, 0);
  CHECK_NOTHROW(add_gram(matrix<float>(5, 0), none));
}

}  // namespace
