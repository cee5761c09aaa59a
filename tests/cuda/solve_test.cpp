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

/// A layer, and what the CPU's solver makes of it in lanes that do not fuse.
template <class Q>
struct solved_layer {
  Q q{};
  index_t m, n, g;
  typename gptq<Q>::factorization f;
  strip_shape<Q> shape;
  matrix<float> w, importance, scales;
  matrix<std::int32_t> words;
  packed_codes expected;
  solver_errors known{};

  solved_layer(index_t rows, index_t cols, index_t group, bool act_order)
      : m(rows),
        n(cols),
        g(group),
        f(gptq<Q>{.options = {.act_order = act_order}}.factor(
            test::random_hessian(2 * n, n, 0.7, 3))),
        shape{n, g},
        w(test::normal_matrix(m, n, 4)),
        importance(1, n),
        scales((m + 15) / 16, shape.scales()),
        words((m + 15) / 16, shape.words()),
        expected(empty()) {
    std::ranges::copy(f.importance, importance.data());
    serial executor;
    known = solve<baseline_arch>(q, {w, f.u, f.importance, f.order, g}, f.h, expected, executor);
  }

  cuda::layer_view<Q> view(const cuda::tile_memory<Q>& tiles = {}) {
    return {q,
            shape,
            on_device(w),
            on_device(f.h),
            on_device(f.u),
            on_device(importance),
            on_device(scales),
            on_device(words),
            tiles,
            on_device(std::span(std::as_const(f.order)))};
  }
  /// The codes that strips and scales hold.
  packed_codes read() const {
    packed_codes codes = empty();
    for (index_t i = 0; i < words.rows(); ++i) {
      read_strip(q, shape, i, words.row(i), scales.row(i), codes.codes, codes.scales);
    }
    return codes;
  }

 private:
  packed_codes empty() const {
    if constexpr (TileQuantizer<Q>)
      return {{words.rows(), n * 16, Q::code_bits / static_cast<int>(Q::steps)},
              {m, shape.groups(), q.scale_bits()}};
    else
      return {{m, n / Q::dim * code_fields<Q>, field_bits<Q>}, {m, shape.groups(), q.scale_bits()}};
  }
};

template <class Q>
void check(index_t m, index_t n, index_t g, cuda::thread_order order, bool act_order = false) {
  CAPTURE(Q::name());
  CAPTURE(m);
  solved_layer<Q> layer(m, n, g, act_order);
  const solver_errors errors = cuda::solve(test::host_solver{order}, layer.view());
  CHECK(layer.read() == layer.expected);
  CHECK(errors.with_feedback == doctest::Approx(layer.known.with_feedback).epsilon(1e-5));
  CHECK(errors.round_to_nearest == doctest::Approx(layer.known.round_to_nearest).epsilon(1e-5));
}

/// m rows; of 33 to 48 the last strip that is measured has one tile.
void check_trellis(index_t m, bool act_order) {
  CAPTURE(m);
  CAPTURE(act_order);
  using Q = trellis<2, 8>;
  solved_layer<Q> layer(m, 128, 64, act_order);
  const auto value = Q::search_values();
  const solver_errors errors =
      cuda::solve(test::host_solver{},
                  layer.view({{value.data(), 1, std::ssize(value)}, {}, Q::table().data()}));
  CHECK(errors.with_feedback == doctest::Approx(layer.known.with_feedback).epsilon(0.02));
  CHECK(errors.round_to_nearest == doctest::Approx(layer.known.round_to_nearest).epsilon(1e-3));
  const packed_codes codes = layer.read();
  index_t same = 0;  // the first tiles see no feedback
  const index_t first = 256 * (act_order ? layer.f.order.front() : 0);
  for (index_t k = first; k < first + 256; ++k)
    same += codes.codes.get(0, k) == layer.expected.codes.get(0, k) ? 1 : 0;
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
