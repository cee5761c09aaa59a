// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/openquant.hpp>

#include "laws/solver_laws.hpp"
#include "layer/butterfly_quantizer.hpp"
#include "layer/pair_quantizer.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;

const output_basis<rotation::identity> no_outputs({}, 2);

/// Runs the laws on a sweep of sizes, token counts and correlations, with groups of 64; returns how
/// many of the cases feedback made worse than rounding.
template <class Q, class R>
int sweep(int& cases) {
  int worse = 0;
  std::uint64_t seed = 1;
  for (const index_t n : {64, 160}) {
    for (const index_t tokens : {n / 4, 3 * n}) {
      for (const double rho : {0.0, 0.8, 0.98}) {
        CAPTURE(Q::name());
        CAPTURE(R::name());
        CAPTURE(n);
        CAPTURE(tokens);
        CAPTURE(rho);
        const matrix<float> w = normal_matrix(33, n, ++seed);
        const hessian h = random_hessian(tokens, n, rho, ++seed);
        const gptq<Q, R> method{.options = {.group_size = 64}};
        worse += laws::check_against_rounding(method, w, h) ? 0 : 1;
        ++cases;
      }
    }
  }
  return worse;
}

TEST_CASE_TEMPLATE("solve: feedback lowers the weighted error on every case of a sweep", Q,
                   quantizer::uniform<2>, quantizer::uniform<3>, quantizer::uniform<4>,
                   quantizer::lloyd_max<2>, quantizer::lloyd_max<4>) {
  int cases = 0;
  CHECK(sweep<Q, rotation::identity>(cases) == 0);
  CHECK(sweep<Q, rotation::hadamard>(cases) == 0);
  CHECK(cases == 24);
}

TEST_CASE("solve: the outcome does not depend on executor or instruction set") {
  const matrix<float> w = normal_matrix(100, 192, 3);
  const hessian h = random_hessian(300, 192, 0.9, 4);
  const gptq<quantizer::uniform<3>, rotation::hadamard> method{.options = {.group_size = 64}};
  laws::check_executors(method, w, h);
  laws::check_instruction_sets(method, w, h);
  const gptq<quantizer::lloyd_max<2>> ordered{.options = {.group_size = 64, .act_order = true}};
  laws::check_executors(ordered, w, h);
  laws::check_instruction_sets(ordered, w, h);
}

TEST_CASE("solve: weights are coded over a power of two that brings them into [128, 256)") {
  serial executor;
  const basis<rotation::identity> plain({}, 3, std::vector<float>{});
  for (const float size : {1.0f, 255.0f, 1e-30f, 0x1p-149f, 0x1p-126f, 3e38f}) {
    CAPTURE(size);
    matrix<float> w(2, 3);
    w(1, 2) = -size;
    w(0, 1) = size / 2;
    const solver_weights scaled(w, quantizer::uniform<4>{}, plain, no_outputs, executor);
    int exponent = 0;
    CHECK(std::frexp(scaled.unit, &exponent) == 0.5f);
    CHECK(scaled.w(1, 2) * scaled.unit == -size);
    CHECK(-scaled.w(1, 2) < 256);
    if (size >= 0x1p-119f) CHECK(-scaled.w(1, 2) >= 128);
  }
  const matrix<float> zeros(2, 3);
  CHECK(solver_weights(zeros, quantizer::uniform<4>{}, plain, no_outputs, executor).unit == 1);
}

TEST_CASE("solve: without scales, weights are coded at unit root mean square") {
  serial executor;
  const basis<rotation::identity> plain({}, 2, std::vector<float>{});
  const butterfly_quantizer q{.scaled = false};
  matrix<float> w(2, 2);
  w(0, 0) = 6, w(0, 1) = -8, w(1, 0) = 10;  // 200 / 4 = 50
  const solver_weights scaled(w, q, plain, no_outputs, executor);
  CHECK(scaled.unit == std::sqrt(50.0f));
  CHECK(scaled.w(0, 1) == doctest::Approx(-8 / std::sqrt(50.0)).epsilon(1e-6));
  CHECK(solver_weights(matrix<float>(2, 2), q, plain, no_outputs, executor).unit == 0);
  w(0, 0) = w(0, 1) = w(1, 0) = 1e-38f;
  const solver_weights tiny(w, q, plain, no_outputs, executor);
  CHECK(tiny.unit == 0);  // its inverse would overflow: as good as zero
  CHECK(tiny.w(0, 0) == 0);
}

TEST_CASE("solve: the last block is filled up with zeros") {
  serial executor;
  const basis<rotation::identity> plain({}, 3, std::vector<float>{});
  const matrix<float> w = normal_matrix(2, 3, 5);
  const solver_weights filled(w, pair_quantizer{}, plain, no_outputs, executor);
  CHECK(filled.w.cols() == 4);
  CHECK(filled.w(0, 2) * filled.unit == w(0, 2));
  CHECK(filled.w(0, 3) == 0);
  CHECK(filled.w(1, 3) == 0);
  const matrix<float> h = fill_up(normal_matrix(3, 3, 6), 4);
  CHECK(h(2, 1) == normal_matrix(3, 3, 6)(2, 1));
  CHECK(h(3, 3) == 0);
  CHECK(h(1, 3) == 0);
}

TEST_CASE("solve: weights that are not finite, or overflow when transformed, are refused") {
  serial executor;
  matrix<float> w(2, 4);
  const basis<rotation::identity> plain({}, 4, std::vector<float>{});
  w(1, 2) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH_AS(solver_weights(w, quantizer::uniform<4>{}, plain, no_outputs, executor),
                       "weights: w(1, 2) = inf", error);
  w(1, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(solver_weights(w, quantizer::uniform<4>{}, plain, no_outputs, executor), error);
  for (index_t j = 0; j < 4; ++j) w(0, j) = 3e38f;
  w(1, 2) = 0;
  const basis<rotation::identity> doubled({}, 4, std::vector<float>(4, 2.0f));
  CHECK_THROWS_WITH_AS(solver_weights(w, quantizer::uniform<4>{}, doubled, no_outputs, executor),
                       "weights: the transformed weights overflow binary32", error);
}

}  // namespace
