// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/openquant.hpp>

#include "layer/butterfly_quantizer.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using quantizer::lloyd_max;
using quantizer::uniform;

/// What was prepared gives the bits of what was not, on any number of threads.
template <class Quantized>
void check_prepared(const Quantized& q) {
  const auto ready = q.prepare();
  const auto archive = q.template prepare<layout::rows>();
  CHECK(ready.rows() == q.rows());
  CHECK(ready.cols() == q.cols());
  for (const index_t tokens : {0, 1, 5, 20}) {
    const matrix<float> x = normal_matrix(tokens, q.cols(), 6);
    matrix<float> expected(tokens, q.rows()), y(tokens, q.rows());
    q.multiply(x, expected);
    ready.multiply(x, y);
    CHECK(y == expected);
    archive.multiply(x, y);
    CHECK(y == expected);
    ready.multiply(x, y, threads{3});
    CHECK(y == expected);
  }
}

TEST_CASE("multiplier: gives what the quantized matrix gives, in every composition") {
  const matrix<float> w = normal_matrix(150, 40, 2);
  const hessian h = random_hessian(100, 40, 0.8, 3);
  check_prepared(round_to_nearest<uniform<4>>{.options = {.group_size = 16}}.quantize(w));
  check_prepared(gptq<uniform<3>, rotation::hadamard, equalizer::smoothquant>{
      .rotation = {
          .seed = 5}}.quantize(w, h));
  check_prepared(
      gptq<lloyd_max<2>, rotation::block_hadamard<8>>{.options = {.group_size = 24}}.quantize(w,
                                                                                              h));
  check_prepared(round_to_nearest<butterfly_quantizer>{}.quantize(w));
  check_prepared(
      round_to_nearest<uniform<4>, rotation::two_sided<rotation::hadamard, rotation::hadamard>>{}
          .quantize(normal_matrix(64, 32, 3)));
}

TEST_CASE("multiplier: activations of 8 bits give nearly the same, rotated or not") {
  const auto check = [](const auto& method) {
    const auto ready = method.quantize(normal_matrix(64, 128, 2)).prepare();
    const matrix<float> x = normal_matrix(3, 128, 6);
    matrix<float> exact(3, 64), y(3, 64);
    ready.multiply(x, exact);
    ready.multiply_q8(x, y);
    double error = 0, size = 0;
    for (index_t i = 0; i < 3 * 64; ++i) {
      const double e = static_cast<double>(y.data()[i]) - static_cast<double>(exact.data()[i]);
      error += e * e;
      size += static_cast<double>(exact.data()[i]) * static_cast<double>(exact.data()[i]);
    }
    CHECK(error < 1e-4 * size);
    CHECK_THROWS_WITH_AS(ready.multiply_q8(matrix<float>(3, 127), y),
                         "multiplier.multiply_q8: x is (3, 127), y is (3, 64), W is (64, 128)",
                         openquant::error);
  };
  check(round_to_nearest<uniform<4>, rotation::hadamard>{});
  check(round_to_nearest<uniform<8>, rotation::two_sided<rotation::hadamard>>{});
}

TEST_CASE("multiplier: outlives what it was made of") {
  auto ready = [] {
    return round_to_nearest<uniform<4>, rotation::hadamard>{}
        .quantize(normal_matrix(20, 32, 2))
        .prepare();
  }();
  const auto q =
      round_to_nearest<uniform<4>, rotation::hadamard>{}.quantize(normal_matrix(20, 32, 2));
  const matrix<float> x = normal_matrix(2, 32, 6);
  matrix<float> expected(2, 20), y(2, 20);
  q.multiply(x, expected);
  ready.multiply(x, y);
  CHECK(y == expected);
}

TEST_CASE("multiplier: refuses other shapes") {
  const auto ready = round_to_nearest<uniform<4>>{}.quantize(normal_matrix(3, 10, 1)).prepare();
  matrix<float> y(2, 3);
  CHECK_THROWS_WITH_AS(ready.multiply(matrix<float>(2, 9), y),
                       "multiplier.multiply: x is (2, 9), y is (2, 3), W is (3, 10)", error);
  CHECK_THROWS_AS(ready.multiply(matrix<float>(1, 10), y), error);
}

}  // namespace
