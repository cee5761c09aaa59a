// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/quantizer/gaussian_codebook.hpp>

namespace {

using namespace openquant;
using quantizer::gaussian_codebook;

double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0)); }
double normal_tail(double x) { return std::erfc(x / std::sqrt(2.0)) / 2; }

/// The cells of the upper half, the last one without end: f(level, lower, upper).
template <index_t Half, class F>
void for_each_cell(const quantizer::half_codebook<Half>& book, const F& f) {
  for (index_t k = 0; k < Half; ++k) {
    f(book.level[k], book.threshold[k], k + 1 < Half ? book.threshold[k + 1] : 40.0);
  }
}

/// E (x - level(x))^2 over N(0,1), in closed form.
template <index_t Half>
double squared_error(const quantizer::half_codebook<Half>& book) {
  double sum = 0;
  for_each_cell(book, [&](double c, double a, double b) {
    const double p = normal_tail(a) - normal_tail(b), first = normal_density(a) - normal_density(b);
    const double second = p + a * normal_density(a) - b * normal_density(b);
    sum += second - 2 * c * first + c * c * p;
  });
  return 2 * sum;
}

template <index_t Half>
void check_lloyd_conditions() {
  CAPTURE(Half);
  const auto book = gaussian_codebook<Half>();
  CHECK(book.threshold[0] == 0);
  for (index_t k = 1; k < Half; ++k) {
    CHECK(book.threshold[k] == (book.level[k - 1] + book.level[k]) / 2);
    CHECK(book.level[k - 1] < book.level[k]);
  }
  for_each_cell(book, [](double c, double a, double b) {
    const double mean = (normal_density(a) - normal_density(b)) / (normal_tail(a) - normal_tail(b));
    CHECK(c == doctest::Approx(mean).epsilon(1e-10));
  });
}

TEST_CASE("gaussian_codebook: each level is the mean of its cell, each threshold half way") {
  check_lloyd_conditions<1>();
  check_lloyd_conditions<2>();
  check_lloyd_conditions<4>();
  check_lloyd_conditions<8>();
  check_lloyd_conditions<16>();
  check_lloyd_conditions<32>();
}

TEST_CASE("gaussian_codebook: the levels of Max's table") {
  CHECK(gaussian_codebook<1>().level[0] == doctest::Approx(std::sqrt(2 / std::acos(-1.0))));
  const auto two_bits = gaussian_codebook<2>();
  CHECK(std::fabs(two_bits.level[0] - 0.4528) <= 0.5e-4);
  CHECK(std::fabs(two_bits.level[1] - 1.510) <= 0.5e-3);
  CHECK(std::fabs(two_bits.threshold[1] - 0.9816) <= 0.5e-4);
  // Max prints .1284 .3881 .6568 .9424 1.256 1.618 2.069 2.733
  const double table[8] = {.1284, .3880, .6568, .9423, 1.2562, 1.6180, 2.0690, 2.7326};
  const auto four_bits = gaussian_codebook<8>();
  for (int k = 0; k < 8; ++k) CHECK(std::fabs(four_bits.level[k] - table[k]) <= 1e-4);
}

TEST_CASE("gaussian_codebook: the errors of Max's table") {
  CHECK(std::fabs(squared_error(gaussian_codebook<1>()) - 0.36338) <= 0.5e-5);
  CHECK(std::fabs(squared_error(gaussian_codebook<2>()) - 0.11748) <= 0.5e-5);
  CHECK(std::fabs(squared_error(gaussian_codebook<4>()) - 0.034548) <= 0.5e-6);
  CHECK(std::fabs(squared_error(gaussian_codebook<8>()) - 0.009501) <= 0.5e-6);
  // at the optimum the error is 1 - E level^2
  const auto book = gaussian_codebook<32>();
  double energy = 0;
  for_each_cell(book, [&](double c, double a, double b) {
    energy += 2 * c * c * (normal_tail(a) - normal_tail(b));
  });
  CHECK(squared_error(book) == doctest::Approx(1 - energy).epsilon(1e-9));
}

TEST_CASE("gaussian_codebook: moving any level makes the error larger") {
  const auto best = gaussian_codebook<4>();
  for (int k = 0; k < 4; ++k) {
    for (const double step : {-0.01, 0.01}) {
      auto moved = best;
      moved.level[k] += step;
      for (int i = 1; i < 4; ++i) moved.threshold[i] = (moved.level[i - 1] + moved.level[i]) / 2;
      CHECK(squared_error(moved) > squared_error(best));
    }
  }
}

TEST_CASE("gaussian_codebook: the compiler's functions agree with the C library's") {
  namespace math = quantizer::gaussian_codebook_math;
  for (const double x : {-20.0, -3.7, -0.125, -1e-3, 0.0, 0.2, 1.0, 9.0}) {
    CHECK(math::exp(x) == doctest::Approx(std::exp(x)).epsilon(1e-13));
  }
  for (const double x : {0.0, 1e-3, 0.5, 1.0, 2.7, 5.0}) {
    CHECK(math::density(x) == doctest::Approx(normal_density(x)).epsilon(1e-13));
    CHECK(math::probability(x) == doctest::Approx(std::erf(x / std::sqrt(2.0)) / 2).epsilon(1e-13));
  }
  static_assert(gaussian_codebook<2>().threshold[1] > 0.98, "a constant expression");
}

}  // namespace
