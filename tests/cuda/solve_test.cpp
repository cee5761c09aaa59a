// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/solve.hpp>
#include <openquant/equalizer/identity.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/layer/gptq.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/identity.hpp>

#include "cuda/host_solver.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;

using test::on_device;

/// Codes and scales of the CPU's solver in lanes that do not fuse, and its errors.
template <class Q>
void check(index_t m, index_t n, index_t g, cuda::thread_order order, bool act_order = false) {
  CAPTURE(Q::name());
  CAPTURE(m);
  const Q q{};
  auto f =
      gptq<Q>{.options = {.act_order = act_order}}.factor(test::random_hessian(2 * n, n, 0.7, 3));
  matrix<float> w = test::normal_matrix(m, n, 4), importance(1, n);
  std::ranges::copy(f.importance, importance.data());
  const strip_shape<Q> shape{n, g};
  const panel_problem problem{w, f.u, f.importance, f.order, g};
  packed_codes expected{{m, n / Q::dim * code_fields<Q>, field_bits<Q>},
                        {m, shape.groups(), q.scale_bits()}};
  serial executor;
  const solver_errors known = solve<baseline_arch>(q, problem, f.h, expected, executor);

  const index_t strips = (m + 15) / 16;
  matrix<float> scales(strips, shape.scales());
  matrix<std::int32_t> words(strips, shape.words());
  const solver_errors errors = cuda::solve(
      test::host_solver{order}, cuda::layer_view<Q>{q,
                                                    shape,
                                                    on_device(w),
                                                    on_device(f.h),
                                                    on_device(f.u),
                                                    on_device(importance),
                                                    on_device(scales),
                                                    on_device(words),
                                                    {},
                                                    on_device(std::span(std::as_const(f.order)))});
  packed_codes codes{{m, expected.codes.cols(), field_bits<Q>},
                     {m, shape.groups(), q.scale_bits()}};
  for (index_t i = 0; i < strips; ++i) {
    read_strip(q, shape, i, words.row(i), scales.row(i), codes.codes, codes.scales);
  }
  CHECK(codes == expected);
  CHECK(errors.with_feedback == doctest::Approx(known.with_feedback).epsilon(1e-5));
  CHECK(errors.round_to_nearest == doctest::Approx(known.round_to_nearest).epsilon(1e-5));
}

/// m rows; of 33 to 48 the last strip that is measured has one tile.
void check_trellis(index_t m, bool act_order) {
  CAPTURE(m);
  CAPTURE(act_order);
  using Q = trellis<2, 8>;
  const index_t n = 128, g = 64, tiles = (m + 15) / 16;
  const Q q{};
  auto f =
      gptq<Q>{.options = {.act_order = act_order}}.factor(test::random_hessian(2 * n, n, 0.7, 3));
  matrix<float> w = test::normal_matrix(m, n, 4), importance(1, n);
  std::ranges::copy(f.importance, importance.data());
  const strip_shape<Q> shape{n, g};
  packed_codes expected{{tiles, n * 16, 2}, {m, n / g, q.scale_bits()}}, codes = expected;
  serial executor;
  const solver_errors known =
      solve<baseline_arch>(q, {w, f.u, f.importance, f.order, g}, f.h, expected, executor);
  matrix<float> scales(tiles, shape.scales());
  matrix<std::int32_t> words(tiles, shape.words());
  const auto value = Q::search_values();
  const solver_errors errors =
      cuda::solve(test::host_solver{},
                  cuda::layer_view<Q>{q,
                                      shape,
                                      on_device(w),
                                      on_device(f.h),
                                      on_device(f.u),
                                      on_device(importance),
                                      on_device(scales),
                                      on_device(words),
                                      {{value.data(), 1, std::ssize(value)}, {}, Q::table().data()},
                                      on_device(std::span(std::as_const(f.order)))});
  CHECK(errors.with_feedback == doctest::Approx(known.with_feedback).epsilon(0.02));
  CHECK(errors.round_to_nearest == doctest::Approx(known.round_to_nearest).epsilon(1e-3));
  for (index_t i = 0; i < tiles; ++i) {
    read_strip(q, shape, i, words.row(i), scales.row(i), codes.codes, codes.scales);
  }
  index_t same = 0;  // the first tiles see no feedback
  const index_t first = 256 * (act_order ? f.order.front() : 0);
  for (index_t k = first; k < first + 256; ++k)
    same += codes.codes.get(0, k) == expected.codes.get(0, k) ? 1 : 0;
  CHECK(same == 256);
}

TEST_CASE("cuda::solve: a trellis errs as little as on the CPU") {
  for (const index_t m : {64, 40, 70}) check_trellis(m, false);
  check_trellis(40, true);
}

TEST_CASE("cuda::solve: codes and scales of the CPU's solver, and its report") {
  check<uniform<4>>(70, 256, 64, cuda::thread_order::ascending);
  check<uniform<3>>(200, 160, 32, cuda::thread_order::descending);  // strips that are not measured
  check<lloyd_max<2>>(33, 320, 160, cuda::thread_order::ascending);
  check<companded<lattice::e8, 3>>(16, 136, 136, cuda::thread_order::descending);
  check<uniform<3>>(70, 256, 64, cuda::thread_order::ascending, true);
  check<companded<lattice::e8, 3>>(200, 160, 32, cuda::thread_order::ascending, true);
}

}  // namespace
