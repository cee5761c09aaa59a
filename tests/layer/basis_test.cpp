// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/layer/basis.hpp>
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>

#include "core/lane_cases.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;

double norm(std::span<const float> x) {
  double sum = 0;
  for (const float value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

double dot(std::span<const float> x, std::span<const float> y) {
  double sum = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    sum += static_cast<double>(x[j]) * static_cast<double>(y[j]);
  }
  return sum;
}

std::vector<float> powers(index_t n) {
  std::vector<float> s;
  for (index_t j = 0; j < n; ++j) s.push_back(std::exp2(static_cast<float>(j % 5 - 2) * 0.7f));
  return s;
}

TEST_CASE_TEMPLATE("basis: products are kept, x' W'^T = x W^T, and weights come back", R,
                   rotation::identity, rotation::hadamard, rotation::block_hadamard<8>) {
  constexpr index_t n = 40;
  const matrix<float> w = normal_matrix(1, n, 1), x = normal_matrix(1, n, 2);
  for (const bool equalized : {false, true}) {
    const basis<R> to(R{}, n, equalized ? powers(n) : std::vector<float>{});
    matrix<float> w2(w.view()), x2(x.view());
    to.weights_to(w2.view());
    to.input_to(x2.row(0));
    // The transforms take log2 n + 4 rounded operations each, and keep norms up to the scales.
    const double bound = 32 * 0x1p-24 * norm(w2.row(0)) * norm(x2.row(0));
    CHECK(std::fabs(dot(x2.row(0), w2.row(0)) - dot(x.row(0), w.row(0))) <= bound);
    to.weight_from(w2.row(0));
    for (index_t j = 0; j < n; ++j) {
      CHECK(std::fabs(w2(0, j) - w(0, j)) <= 64 * 0x1p-24f * static_cast<float>(norm(w.row(0))));
    }
  }
}

TEST_CASE("basis: equalizer first, rotation second") {
  constexpr index_t n = 8;
  const rotation::hadamard r{.seed = 3};
  const basis<rotation::hadamard> to(r, n, powers(n));
  matrix<float> w = normal_matrix(1, n, 3), expected(w.view());
  for (index_t j = 0; j < n; ++j) {
    expected(0, j) *= to_float(to_float16(powers(n)[static_cast<std::size_t>(j)]));
  }
  r.bind(n).apply(expected.row(0));
  to.weights_to(w.view());
  CHECK(w == expected);
}

/// Rows go through the transform side by side; those of a window, in every width of the lanes.
TEST_CASE_TEMPLATE("basis: many rows are as one by one", Arch, baseline_arch, middle_arch,
                   default_arch) {
  for (const index_t n : {8, 24, 100, 256, 1024}) {
    CAPTURE(n);
    constexpr index_t rows = 37, gap = 3;
    const auto check = [&](const auto& r) {
      const auto bound = r.bind(n);
      const basis<std::decay_t<decltype(r)>> to(r, n, std::vector<float>{});
      matrix<float> w = normal_matrix(rows, n + gap, 5), expected(w.view());
      to.template weights_to<Arch>(w.view().block(0, 0, rows, n));
      for (index_t i = 0; i < rows; ++i) bound.apply(expected.view().block(i, 0, 1, n).row(0));
      CHECK(w == expected);
    };
    check(rotation::identity{});
    check(rotation::block_hadamard<4>{.seed = 2});
    if (n != 100) check(rotation::hadamard{.seed = 2});
  }
}

TEST_CASE_TEMPLATE("basis: the Hessian in the new basis is that of the inputs in it", R,
                   rotation::identity, rotation::hadamard) {
  constexpr index_t n = 24, tokens = 60;
  matrix<float> x = random_inputs(tokens, n, 0.8, 4);
  const hessian h = moments(x);
  const basis<R> to(R{}, n, powers(n));
  matrix<float> transformed = h.mean();
  to.hessian_to(transformed);
  for (index_t t = 0; t < tokens; ++t) to.input_to(x.row(t));
  const hessian expected = moments(x);
  double trace = 0;
  for (index_t j = 0; j < n; ++j) trace += expected(j, j);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      const double bound = 128 * 0x1p-24 * trace;  // 60 products in float, two transforms
      CHECK(std::fabs(static_cast<double>(transformed(i, j)) - expected(i, j)) <= bound);
    }
  }
}

TEST_CASE("basis: scales are the stored ones, in fp16") {
  const basis<rotation::identity> to({}, 2, std::vector<float>{1.0f / 3, 3.0f});
  matrix<float> w(1, 2);
  w(0, 0) = w(0, 1) = 1;
  to.weights_to(w.view());
  CHECK(w(0, 0) == to_float(to_float16(1.0f / 3)));
  CHECK(w(0, 0) != 1.0f / 3);
  CHECK(w(0, 1) == 3);
  CHECK(to.scales().size() == 2);
}

TEST_CASE("basis: scales that fp16 cannot hold are refused with their channel") {
  using plain = basis<rotation::identity>;
  CHECK_THROWS_WITH_AS(plain({}, 2, std::vector<float>{1, 1e-9f}),
                       "equalizer: scale 1e-09 of channel 1 is not positive in fp16", error);
  CHECK_THROWS_WITH_AS(plain({}, 2, std::vector<float>{1e6f, 1}),
                       "equalizer: scale 1e+06 of channel 0 is not positive in fp16", error);
  CHECK_THROWS_AS(plain({}, 1, std::vector<float>{-1}), error);
  CHECK_THROWS_AS(plain({}, 1, std::vector<float>{0}), error);
}

TEST_CASE("basis: lengths the rotation does not know are refused") {
  CHECK_THROWS_AS((basis<rotation::block_hadamard<8>>({}, 20, std::vector<float>{})), error);
}

}  // namespace
