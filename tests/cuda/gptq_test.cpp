// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/gptq.hpp>
#include <openquant/equalizer/identity.hpp>
#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/dense.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>

#include "cuda/host_solver.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using rotation::hadamard;
using rotation::two_sided;
using test::host_solver;

/// The CPU's codes, scales, unit and report, from W on either side.
template <class Method>
void check(const Method& method, index_t m, index_t n) {
  CAPTURE(m);
  CAPTURE(n);
  const matrix<float> w = test::normal_matrix(m, n, 4);
  const hessian h = test::random_hessian(2 * n, n, 0.7, 3);
  const auto expected = method.template quantize<baseline_arch>(w, h);
  const host_solver d;
  const auto f = cuda::factor_by(d, method, h);
  const auto found = cuda::quantize_by(d, method, w.view(), f);
  CHECK(found == expected);
  CHECK(found.report().damping == expected.report().damping);
  CHECK(found.report().factorizations == expected.report().factorizations);
  CHECK(found.report().relative_error ==
        doctest::Approx(expected.report().relative_error).epsilon(1e-5));
  CHECK(cuda::quantize_by(d, method, test::on_device(w), f) == expected);
}

TEST_CASE("cuda::gptq: on a device that is the host, the CPU's result") {
  using smooth = equalizer::smoothquant;
  check(gptq<uniform<4>>{}, 70, 128);
  check(gptq<uniform<3>, hadamard, smooth>{.rotation = {.seed = 7}}, 33, 256);
  check(gptq<lloyd_max<2>, two_sided<hadamard>>{.rotation = {{7}, {8}}}, 64, 128);
  check(gptq<companded<lattice::e8, 3>, rotation::identity, smooth>{}, 20, 100);
  check(gptq<uniform<4>>{.options = {.damping = 1e-7f}}, 16, 64);  // in binary64
}

TEST_CASE("cuda::gptq: columns by falling H_jj") {
  const gptq_options ordered{.act_order = true};
  check(gptq<uniform<4>, hadamard>{.options = ordered}, 70, 128);
  check(gptq<companded<lattice::e8, 3>>{.options = ordered}, 20, 100);
}

TEST_CASE("cuda::gptq: a rotation without a kernel comes to its basis on the host") {
  matrix<float> r(64, 64);
  for (index_t i = 0; i < 64; ++i) r(i, 63 - i) = i % 3 == 0 ? -1.0f : 1.0f;
  check(gptq<uniform<4>, rotation::dense>{.rotation = rotation::dense(r)}, 20, 64);
}

TEST_CASE("cuda::gptq: moments that lie there") {
  const gptq<uniform<4>, hadamard> method{};
  const matrix<float> w = test::normal_matrix(20, 128, 4);
  const hessian h = test::random_hessian(256, 128, 0.7, 3);
  const host_solver d;
  const auto f = cuda::factor_by(
      d, method, h, [&](matrix_view<float, device> to) { d.write(h.mean().view(), to); });
  CHECK(cuda::quantize_by(d, method, w.view(), f) == method.quantize<baseline_arch>(w, h));
}

TEST_CASE("cuda::gptq: refuses other widths") {
  const gptq<uniform<4>> method{};
  const auto f = cuda::factor_by(host_solver{}, method, test::random_hessian(40, 32, 0.5, 1));
  const matrix<float> w(4, 31);
  CHECK_THROWS_WITH_AS(static_cast<void>(cuda::quantize_by(host_solver{}, method, w.view(), f)),
                       "gptq: w is (4, 31), the Hessian is of order 32", error);
}

}  // namespace
