// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <limits>

#include <openquant/openquant.hpp>

#include "laws/solver_laws.hpp"
#include "layer/pair_quantizer.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using quantizer::uniform;

TEST_CASE("round_to_nearest: each weight by itself, scalar oracle") {
  for (const index_t m : {1, 31, 33}) {
    for (const index_t g : {16, 24, 100, -1}) {
      CAPTURE(m);
      CAPTURE(g);
      const index_t n = 100;
      const matrix<float> w = normal_matrix(m, n, 1);
      const auto q = round_to_nearest<uniform<3>>{.options = {.group_size = g}}.quantize(w);
      const index_t size = g == -1 ? n : g;
      CHECK(q.group_size() == size);
      // Weights are coded over 2^k that brings the largest into [128, 256).
      float largest = 0;
      for (index_t i = 0; i < m * n; ++i) largest = std::max(largest, std::fabs(w.data()[i]));
      const float unit = std::ldexp(1.0f, std::ilogb(largest) - 7);
      int wrong = 0;
      for (index_t i = 0; i < m; ++i) {
        std::vector<float> row;
        for (const float x : w.row(i)) row.push_back(x / unit);
        for (index_t j = 0; j < n; ++j) {
          const index_t first = j / size * size;
          const group_view<float> group(row.data() + first, 1, std::min(size, n - first));
          const auto s = uniform<3>{}.unpack(uniform<3>{}.pack(uniform<3>{}.fit(group)));
          const vec<float, 1> x{row[static_cast<std::size_t>(j)]};
          const auto code = static_cast<std::uint64_t>(uniform<3>{}.encode(x, s));
          if (q.packed().codes.get(i, j) != code) ++wrong;
        }
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("round_to_nearest: without data the report's error is unweighted") {
  const matrix<float> w = normal_matrix(33, 96, 2);
  const auto q = round_to_nearest<uniform<4>>{.options = {.group_size = 32}}.quantize(w);
  const matrix<float> w_hat = q.dequantize();
  double e = 0, whole = 0;
  for (index_t i = 0; i < 33 * 96; ++i) {
    const double x = static_cast<double>(w.data()[i]), y = static_cast<double>(w_hat.data()[i]);
    e += (x - y) * (x - y);
    whole += x * x;
  }
  CHECK(q.report().relative_error == doctest::Approx(e / whole).epsilon(1e-5));
  CHECK(q.report().round_to_nearest_error == q.report().relative_error);
  CHECK(q.report().tokens == 0);
  CHECK(q.report().factorizations == 0);
}

TEST_CASE("round_to_nearest: with data the report's error is weighted, in the original basis") {
  const matrix<float> w = normal_matrix(33, 96, 3);
  const hessian h = random_hessian(200, 96, 0.9, 4);
  using q4 = uniform<4>;
  laws::check_reported_error(round_to_nearest<q4>{}.quantize(w, h), w, h);
  laws::check_reported_error(
      round_to_nearest<q4, rotation::hadamard, equalizer::smoothquant>{}.quantize(w, h), w, h);
  CHECK(round_to_nearest<q4>{}.quantize(w, h).report().tokens == 200);
}

TEST_CASE("round_to_nearest: the executor changes nothing") {
  const matrix<float> w = normal_matrix(100, 64, 5);
  const round_to_nearest<uniform<2>, rotation::hadamard> method{};
  const auto q = method.quantize(w);
  for (index_t n = 1; n <= 4; ++n) CHECK(method.quantize(w, threads{n}) == q);
}

TEST_CASE("round_to_nearest: what cannot be is refused with the numbers") {
  using method = round_to_nearest<uniform<4>>;
  matrix<float> w = normal_matrix(2, 8, 6);
  CHECK_THROWS_WITH_AS(method{}.quantize(w, hessian(9)),
                       "round_to_nearest: w is (2, 8), the Hessian is of order 9", error);
  CHECK_THROWS_WITH_AS((method{.options = {.group_size = 0}}.quantize(w)),
                       "group_size 0 is neither positive nor -1 (the whole row)", error);
  CHECK_THROWS_AS((method{.options = {.group_size = -2}}.quantize(w)), error);
  using equalized = round_to_nearest<uniform<4>, rotation::identity, equalizer::smoothquant>;
  CHECK_THROWS_WITH_AS(equalized{}.quantize(w),
                       "round_to_nearest: smoothquant needs the Hessian; call quantize(w, h)",
                       error);
  w(1, 5) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(method{}.quantize(w), "weights: w(1, 5) = nan", error);
}

TEST_CASE("round_to_nearest: groups and the row are filled up to whole points") {
  const matrix<float> w = normal_matrix(2, 7, 7);
  matrix<float> longer(2, 8);
  for (index_t i = 0; i < 2; ++i) std::ranges::copy(w.row(i), longer.row(i).begin());
  const round_to_nearest<pair_quantizer> by_threes{.options = {.group_size = 3}};
  const auto q = by_threes.quantize(w);
  CHECK(q.group_size() == 4);
  CHECK(q.cols() == 7);
  CHECK(q.packed() == by_threes.quantize(longer).packed());
  CHECK(round_to_nearest<pair_quantizer>{}.quantize(w).group_size() == 8);
}

TEST_CASE("round_to_nearest: a Hessian without tokens is refused") {
  CHECK_THROWS_WITH_AS(
      (void)round_to_nearest<uniform<4>>{}.quantize(normal_matrix(2, 4, 1), hessian(4)),
      "round_to_nearest: the Hessian has seen no tokens; call quantize(w)", error);
}

TEST_CASE("round_to_nearest: an empty matrix is refused") {
  using method = round_to_nearest<uniform<4>>;
  CHECK_THROWS_WITH_AS(method{}.quantize(matrix<float>(0, 8)),
                       "quantized: nothing to store in a (0, 8) matrix", error);
  CHECK_THROWS_WITH_AS(method{}.quantize(matrix<float>(3, 0)),
                       "quantized: nothing to store in a (3, 0) matrix", error);
}

TEST_CASE("round_to_nearest: an error where there was no output is not reported as none") {
  // Weights on dead channels alone: no output. A quantizer without a level at 0 makes some.
  matrix<float> x(9, 4), w(1, 4);
  for (index_t t = 0; t < 9; ++t) x(t, 0) = x(t, 1) = 1;
  w(0, 2) = 1;
  const auto q = round_to_nearest<pair_quantizer>{}.quantize(w, moments(x));
  CHECK(q.report().relative_error == std::numeric_limits<double>::infinity());
  CHECK(round_to_nearest<uniform<4>>{}.quantize(w, moments(x)).report().relative_error == 0);
}

template <class Q, class R = rotation::identity, class E = equalizer::identity>
concept composes = requires {
  typename round_to_nearest<Q, R, E>;
};
static_assert(composes<uniform<4>, rotation::hadamard, equalizer::smoothquant>);
static_assert(!composes<int>);
static_assert(!composes<uniform<4>, uniform<4>>);
static_assert(!composes<uniform<4>, equalizer::smoothquant>);
static_assert(!composes<uniform<4>, rotation::identity, rotation::hadamard>);

}  // namespace
