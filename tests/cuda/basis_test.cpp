// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/cuda/basis.hpp>
#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>

#include "cuda/host_solver.hpp"
#include "layer/pair_quantizer.hpp"
#include "layer/random_layer.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using test::host_matrix;
using test::host_solver;
using test::on_device;

template <class R>
basis<R> basis_of(const R& r, const hessian& h, bool equalized) {
  return {r, h.size(),
          equalized ? equalizer::smoothquant{.alpha = 0.3f}.scales(h.diagonal())
                    : std::vector<float>{}};
}

/// H' and W' of the host; their largest differences, over the largest number.
struct differences {
  double h, w;
  bool same_unit;
};
template <class Q, class R>
differences compare(const Q& q, const R& r, index_t m, index_t n, bool equalized) {
  const host_solver d;
  const hessian h = test::random_hessian(2 * n, n, 0.7, 3);
  const basis<R> to = basis_of(r, h, equalized);
  const output_basis<R> outputs(r, m);
  using on = cuda::device_basis<host_solver, R>;
  REQUIRE(on::runs(to));
  REQUIRE(on::runs(outputs));

  matrix<float> expected_h = h.mean();
  to.hessian_to(expected_h);
  host_matrix<float> mean(n, n), found_h(n, n);
  d.write(h.mean().view(), mean.view());
  on(d, to).hessian_to(mean.view(), found_h.view());

  const serial executor;
  const matrix<float> w = test::normal_matrix(m, n, 4);
  const solver_weights expected(w, q, to, outputs, executor);
  const auto found = cuda::weights_on_device(d, on_device(w), q, to, outputs);
  const auto apart = [](const matrix<float>& a, const matrix<float>& b) {
    REQUIRE(a.rows() == b.rows());
    REQUIRE(a.cols() == b.cols());
    double most = 0, largest = 0;
    for (index_t i = 0; i < a.rows() * a.cols(); ++i) {
      const auto x = static_cast<double>(a.data()[i]), y = static_cast<double>(b.data()[i]);
      most = test::worst(most, std::fabs(x - y));
      largest = std::max(largest, std::fabs(x));
    }
    return most / largest;
  };
  return {apart(expected_h, found_h), apart(expected.w, found.w), expected.unit == found.unit};
}

TEST_CASE("cuda::basis: bit for bit where the transform is a power of two") {
  const quantizer::uniform<4> q{};
  for (const bool equalized : {false, true}) {
    CAPTURE(equalized);
    for (const differences& apart :
         {compare(q, rotation::identity{}, 33, 100, equalized),
          compare(q, rotation::hadamard{.seed = 5}, 33, 128, equalized),
          compare(q, rotation::hadamard{.seed = 5}, 3, 512, equalized),
          compare(q, rotation::block_hadamard<32>{.seed = 5}, 20, 160, equalized),
          compare(test::pair_quantizer{}, rotation::identity{}, 20, 101, equalized),
          compare(q, rotation::two_sided<rotation::hadamard>{{5}, {6}}, 64, 128, equalized)}) {
      CHECK(apart.h == 0);
      CHECK(apart.w == 0);
      CHECK(apart.same_unit);
    }
  }
}

/// Sums of 12 and 20 terms, in another order than the CPU's.
TEST_CASE("cuda::basis: to rounding where it is a multiple of 12 or 20") {
  const quantizer::uniform<4> q{};
  for (const differences& apart :
       {compare(q, rotation::hadamard{.seed = 5}, 33, 96, true),
        compare(q, rotation::two_sided<rotation::hadamard>{{5}, {6}}, 48, 160, false)}) {
    CHECK(apart.h < 1e-6);
    CHECK(apart.w < 1e-6);
    CHECK(apart.same_unit);  // a power of two
  }
}

TEST_CASE("cuda::basis: the root mean square, for a quantizer without scales, to a rounding") {
  const hessian h = test::random_hessian(300, 128, 0.7, 3);
  const rotation::hadamard r{.seed = 5};
  const basis<rotation::hadamard> to = basis_of(r, h, false);
  const output_basis<rotation::hadamard> outputs(r, 40);
  const matrix<float> w = test::normal_matrix(40, 128, 4), zeros(40, 128);
  const quantizer::trellis<2> q{.scaled = false};
  const serial executor;
  const solver_weights expected(w, q, to, outputs, executor);
  const auto found = cuda::weights_on_device(host_solver{}, on_device(w), q, to, outputs);
  const auto unit = static_cast<double>(expected.unit);
  CHECK(static_cast<double>(found.unit) == doctest::Approx(unit).epsilon(0x1p-23));
  CHECK(cuda::weights_on_device(host_solver{}, on_device(zeros), q, to, outputs).unit == 0);
}

TEST_CASE("cuda::basis: refuses weights that are not finite, by row and column") {
  matrix<float> w = test::normal_matrix(40, 128, 4);
  w(17, 90) = -std::numeric_limits<float>::infinity();
  const basis<rotation::identity> to({}, 128, std::vector<float>{});
  CHECK_THROWS_WITH_AS(
      cuda::weights_on_device(host_solver{}, on_device(std::as_const(w)), quantizer::uniform<4>{},
                              to, output_basis<rotation::identity>({}, 40)),
      "weights: w(17, 90) = -inf", error);
}

}  // namespace
