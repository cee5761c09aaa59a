// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/encode_tiles.hpp>
#include <openquant/equalizer/identity.hpp>
#include <openquant/layer/round_to_nearest.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/identity.hpp>

#include "cuda/scalar_codes.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using cuda::encode_tiles_workspace, cuda::thread_order;

static_assert(cuda::TrellisQuantizer<trellis<2>> && !cuda::TrellisQuantizer<uniform<4>>);
static_assert(encode_tiles_workspace<trellis<2>> == 0 &&
              encode_tiles_workspace<trellis<2, 16>> == 256 * 1024);

template <class Q>
matrix_view<const std::int16_t, device> values() {
  return {Q::search_values().data(), 1, std::ssize(Q::search_values())};
}

/// Scales as the CPU writes them, words by the kernel; rows of w a few columns apart.
template <class Q>
void check(const Q& q, index_t m, const strip_shape<Q>& shape, index_t blocks, thread_order order) {
  CAPTURE(Q::name());
  const auto w = test::encoder_weights(m, shape);
  test::host_strips<Q> expected(q, test::scalar_codes(q, w, {}, shape), shape);
  test::host_strips<Q> strips(m, shape);
  matrix<float> apart(m, w.cols() + 3);
  for (index_t i = 0; i < m; ++i) std::ranges::copy(w.row(i), &apart(i, 1));
  matrix<std::uint32_t> workspace(blocks, encode_tiles_workspace<Q>);
  const auto kernel = cuda::make_encode_tiles_kernel(
      q, shape, test::on_device(apart).block(0, 1, m, w.cols()),
      matrix_view<const float, device>(expected.device_scales()), values<Q>(),
      strips.device_words(),
      matrix_view<std::uint32_t, device>(workspace.data(), blocks, workspace.cols()));
  cuda::run_on_host(kernel, kernel.grid(), order);
  CHECK(strips.words == expected.words);
}

TEST_CASE("cuda::encode_tiles: the scalar template's codes") {
  check<trellis<1>>({}, 16, {48, 16}, 0, thread_order::ascending);
  check<trellis<2>>({}, 21, {40, 32}, 0, thread_order::descending);
  check<trellis<2>>({.scaled = false}, 5, {16, 16}, 0, thread_order::ascending);
  check<trellis<3>>({}, 16, {33, 48}, 0, thread_order::ascending);
  check<trellis<4>>({}, 7, {16, 16}, 0, thread_order::descending);
  check<trellis<3, 10, code::three_inst>>({}, 18, {40, 16}, 0, thread_order::ascending);
}

TEST_CASE("cuda::encode_tiles: 2^16 states, fewer blocks than tiles") {
  check<trellis<2, 16>>({}, 5, {32, 32}, 1, thread_order::ascending);
  check<trellis<3, 16>>({}, 16, {16, 16}, 3, thread_order::descending);
  check<trellis<1, 13>>({}, 19, {48, 16}, 4, thread_order::ascending);
}

TEST_CASE("cuda::encode_tiles: what round_to_nearest stores") {
  using Q = trellis<2, 10>;
  matrix<float> w(32, 48);
  for (index_t i = 0; i < 32 * 48; ++i) {
    w.data()[i] = 0.01f * random::normal(5, static_cast<std::uint64_t>(i));
  }
  const auto q = round_to_nearest<Q>{.options = {.group_size = 16}}.quantize(w);
  const strip_shape<Q> shape{48, q.group_size()};
  test::host_strips<Q> expected(q.quantizer(), q.packed(), shape), strips(32, shape);
  for (index_t i = 0; i < 32 * 48; ++i) w.data()[i] /= q.unit();
  const auto kernel =
      cuda::make_encode_tiles_kernel(q.quantizer(), shape, test::on_device(w),
                                     matrix_view<const float, device>(expected.device_scales()),
                                     values<Q>(), strips.device_words());
  cuda::run_on_host(kernel, kernel.grid());
  CHECK(strips.words == expected.words);
}

TEST_CASE("cuda::encode_tiles: refuses other shapes") {
  using Q = trellis<2>;
  const strip_shape<Q> shape{32, 16};
  matrix<float> w(17, 32);
  test::host_strips<Q> strips(17, shape), fewer(16, shape);
  const matrix_view<const float, device> scales = strips.device_scales();
  CHECK_THROWS_WITH_AS(
      cuda::make_encode_tiles_kernel(Q{}, shape, test::on_device(w), scales, values<Q>(),
                                     fewer.device_words()),
      "cuda: encode by trellis<2, 12, latin> of w (17, 32) of 32 columns in groups of 16 under "
      "scales (2, 32) with values (1, 4096) to words (1, 32)",
      error);
  using large = trellis<2, 16>;
  const strip_shape<large> same{32, 16};
  CHECK_THROWS_AS(cuda::make_encode_tiles_kernel(large{}, same, test::on_device(w), scales,
                                                 values<large>(), strips.device_words()),
                  error);
}

}  // namespace
