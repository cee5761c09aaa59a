// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <limits>

#include "laws/hessian_laws.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;

/// Rows [first, first + count) of x.
matrix<float> rows(const matrix<float>& x, index_t first, index_t count) {
  return matrix<float>(x.view().block(first, 0, count, x.cols()));
}

bool same(const hessian& a, const hessian& b) {
  if (a.tokens() != b.tokens()) return false;
  for (index_t i = 0; i < a.size(); ++i) {
    for (index_t j = 0; j < a.size(); ++j) {
      if (a(i, j) != b(i, j)) return false;
    }
  }
  return true;
}

struct on_cpu : hessian {
  using hessian::hessian;
  const hessian& moments() const { return *this; }
};

TEST_CASE("hessian: the laws of moments") {
  laws::check_hessian_laws<on_cpu>();
  const hessian h = moments(random_inputs(7, 20, 0.7, 1));
  for (index_t i = 0; i < 20; ++i) {
    CHECK(h.diagonal()[static_cast<std::size_t>(i)] == static_cast<float>(h(i, i)));
  }
}

TEST_CASE("hessian: the error does not grow with the number of tokens") {
  // 1 + 2^-12: float sums of its square would stop being exact after a few terms, and 2^25 ones
  // would stop growing in float.
  matrix<float> x(1024, 1);
  for (index_t t = 0; t < 1024; ++t) x(t, 0) = 1;
  hessian h(1);
  for (int k = 0; k < 1 << 15; ++k) h.add(x);
  CHECK(h.tokens() == index_t{1} << 25);
  CHECK(h(0, 0) == 1);
}

TEST_CASE("hessian: merging equals adding") {
  const matrix<float> x = random_inputs(100, 12, 0.5, 2);
  hessian one_by_one(12), left = moments(rows(x, 0, 40));
  const hessian right = moments(rows(x, 40, 60));
  one_by_one.add(rows(x, 0, 40));
  one_by_one.add(rows(x, 40, 60));
  hessian other_way = right;
  other_way.add(left);
  left.add(right);
  CHECK(same(left, one_by_one));
  CHECK(same(left, other_way));  // a sum of two does not depend on their order
}

TEST_CASE("hessian: the order of calls matters to the last bits of a double alone") {
  const matrix<float> x = random_inputs(120, 10, 0.5, 3);
  hessian forward(10), backward(10);
  for (index_t k = 0; k < 12; ++k) {
    forward.add(rows(x, 10 * k, 10));
    backward.add(rows(x, 110 - 10 * k, 10));
  }
  for (index_t i = 0; i < 10; ++i) {
    for (index_t j = 0; j < 10; ++j) {
      const double scale = std::sqrt(forward(i, i) * forward(j, j));
      CHECK(std::fabs(forward(i, j) - backward(i, j)) <= 1e-12 * scale);
    }
  }
}

TEST_CASE("hessian: a refused call changes nothing") {
  const matrix<float> x = random_inputs(6, 4, 0.5, 4);
  hessian h = moments(x);
  const hessian before = h;
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN(), -0x1p50f}) {
    matrix<float> y(x.view());
    y(5, 3) = bad;
    CHECK_THROWS_AS(h.add(y), error);
    CHECK(same(h, before));
  }
  matrix<float> y(x.view());
  y(4, 2) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH_AS(h.add(y), "hessian.add: x(4, 2) = inf is not finite or above 2^50", error);
  CHECK_THROWS_WITH_AS(h.add(matrix<float>(2, 5)),
                       "hessian.add: x is (2, 5), the Hessian is of order 4", error);
  CHECK_THROWS_WITH_AS(h.add(hessian(5)), "hessian.add: orders 4 and 5 differ", error);
  CHECK(same(h, before));
}

TEST_CASE("hessian: the largest input leaves the moments finite") {
  matrix<float> x(300, 2);
  for (index_t i = 0; i < 600; ++i) x.data()[i] = std::nextafter(0x1p50f, 0.0f);
  CHECK(moments(x)(1, 0) == doctest::Approx(0x1p100).epsilon(1e-5));
}

TEST_CASE("hessian: of sums that were gathered elsewhere") {
  const matrix<float> x = random_inputs(30, 5, 0.5, 6);
  const hessian expected = moments(x);
  matrix<double> sums(5, 5);
  linalg::add_gram(x, sums);
  sums(1, 3) = std::numeric_limits<double>::quiet_NaN();  // above the diagonal
  hessian h(sums, 30);
  CHECK(same(h, expected));
  h.add(x);
  CHECK(h.tokens() == 60);
  CHECK(hessian(matrix<double>(2, 2), 0).dead_channels() == std::vector<index_t>{0, 1});

  CHECK_THROWS_WITH_AS(hessian(matrix<double>(2, 3), 4), "hessian: sums are (2, 3), of 4 tokens",
                       error);
  CHECK_THROWS_AS(hessian(matrix<double>(2, 2), -1), error);
  CHECK_THROWS_AS(hessian(matrix<double>(), 1), error);
  for (const double bad : {std::numeric_limits<double>::infinity(), -0x1p105 * 1.01,
                           std::numeric_limits<double>::quiet_NaN()}) {
    sums(4, 2) = bad;
    CHECK_THROWS_AS(hessian(sums, 32), error);
  }
  sums(4, 2) = -0x1p105;
  CHECK(hessian(sums, 32)(2, 4) == -0x1p100);
  CHECK_THROWS_WITH_AS(hessian(sums, 31),
                       "hessian: the sum (4, 2) = -4.05648e+31 is none of 31 tokens", error);
  CHECK_THROWS_AS(hessian(sums, 0), error);
  sums(4, 4) = -1;
  CHECK_THROWS_AS(hessian(sums, 32), error);
}

TEST_CASE("hessian: an order that is not positive is refused") {
  CHECK_THROWS_WITH_AS(hessian(0), "hessian: order 0 is not positive", error);
  CHECK_THROWS_AS(hessian(-3), error);
}

}  // namespace
