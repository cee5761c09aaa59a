// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include <openquant/metric/gaussian.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/trellis.hpp>

#include "laws/tile_quantizer_laws.hpp"

namespace {

using namespace openquant;
using quantizer::trellis;
namespace code = quantizer::code;
using lanes = batch<default_arch>;

TEST_CASE("trellis: laws") {
  laws::check_tile_quantizer_laws(trellis<1, 8>{});
  laws::check_tile_quantizer_laws(trellis<2, 9, code::three_inst>{});
  laws::check_tile_quantizer_laws(trellis<3, 10, code::one_mad>{});
  laws::check_tile_quantizer_laws(trellis<4, 8>{});
  laws::check_tile_quantizer_laws(trellis<2, 8>{.scaled = false});
}

/// A code whose values are the states themselves: it shows which window of bits is decoded.
struct window {
  static std::string name() { return "window"; }
  template <int B, int L>
  static float value(std::uint32_t state) {
    return static_cast<float>(state);
  }
};

template <int B, int L>
void check_windows() {
  CAPTURE(B);
  const trellis<B, L, window> q;
  std::vector<std::int32_t> c(256);
  for (std::size_t t = 0; t < 256; ++t) {
    c[t] = static_cast<std::int32_t>(random::index(1, t, 1u << B));
  }
  matrix<float> s(1, 16), x(16, 16);
  for (index_t r = 0; r < 16; ++r) s(0, r) = static_cast<float>(1 + r % 2);
  q.template decode_tile<float>(c, s, x);
  for (index_t t = 0; t < 256; ++t) {  // bit by bit, the newest symbol lowest
    std::uint32_t state = 0;
    for (int b = 0; b < L; ++b) {
      const auto symbol =
          static_cast<std::uint32_t>(c[static_cast<std::size_t>((t + 256 - b / B) % 256)]);
      state |= (symbol >> b % B & 1) << b;
    }
    CHECK(x(t / 16, t % 16) == static_cast<float>(state) * s(0, t % 16));
  }
}

TEST_CASE("trellis: weight 16 k + r is decoded from the L bits that end with its symbol") {
  check_windows<1, 8>();
  check_windows<2, 12>();
  check_windows<3, 11>();  // of the oldest symbol only its low bits
  check_windows<4, 10>();
}

/// Tiles of N(0,1), one scale a row.
template <class Q>
struct coded {
  matrix<float> x{16, 16}, s{1, 16}, x_hat{16, 16};
  std::vector<std::int32_t> c = std::vector<std::int32_t>(256);
  explicit coded(std::uint64_t seed, float sigma = 1) {
    for (index_t t = 0; t < 256; ++t) {
      x(t / 16, t % 16) = random::normal(seed, static_cast<std::uint64_t>(t));
    }
    for (index_t r = 0; r < 16; ++r) s(0, r) = sigma;
  }
  template <class T>
  void code(const Q& q, typename Q::workspace& ws) {
    q.template encode_tile<T>(x, s, c, ws);
    q.template decode_tile<T>(c, s, x_hat);
  }
  double error(index_t row) const {
    double sum = 0;
    for (index_t k = 0; k < 16; ++k) {
      const auto e = static_cast<double>(x(k, row) - x_hat(k, row));
      sum += e * e;
    }
    return sum;
  }
};

/// On samples of N(0,1): the error stated, by at most three of its standard errors, and at most
/// `bound`.
template <class Q>
void check_gaussian(double expected, double bound, index_t samples) {
  const auto measured = metric::gaussian<lanes>(Q{}, samples, 1);
  CAPTURE(Q::name());
  CAPTURE(measured.standard_error);
  CHECK(std::fabs(measured.mse - expected) <= 3 * measured.standard_error);
  CHECK(measured.mse <= bound);
  CHECK(measured.standard_error < 0.03 * expected);
}

TEST_CASE("trellis: the docstring's errors") {
  check_gaussian<trellis<1>>(0.2695, 0.2715, 1 << 17);
  check_gaussian<trellis<2>>(0.0695, 0.0716, 1 << 16);
  check_gaussian<trellis<3>>(0.0177, 0.0189, 1 << 15);
  check_gaussian<trellis<4>>(0.0046, 0.0050, 1 << 15);
}

TEST_CASE("trellis: 64 K states") {
  check_gaussian<trellis<2, 16>>(0.0669, 0.0682, 1 << 12);
  check_gaussian<trellis<2, 16, code::three_inst>>(0.0688, 0.0720, 1 << 12);
}

TEST_CASE("trellis: published codes at 4096 states") {
  check_gaussian<trellis<2, 12, code::three_inst>>(0.0731, 0.0740, 1 << 15);
  check_gaussian<trellis<2, 12, code::one_mad>>(0.0746, 0.0755, 1 << 15);
}

template <class Q>
void check_outlier() {
  CAPTURE(Q::name());
  const Q q;
  typename Q::workspace ws;
  double alone = 0, beside = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    coded<Q> plain(seed), loud(seed);
    loud.x(7, 3) = seed % 2 == 0 ? 40.0f : -40.0f;
    plain.template code<lanes>(q, ws);
    loud.template code<lanes>(q, ws);
    CHECK((loud.x_hat(7, 3) > 0) == (loud.x(7, 3) > 0));
    CHECK(std::fabs(loud.x_hat(7, 3)) > 1);
    for (index_t r = 0; r < 16; ++r) {
      if (r == 3) continue;
      alone += plain.error(r);
      beside += loud.error(r);
    }
  }
  CHECK(beside < 1.15 * alone);
}

TEST_CASE("trellis: an outlier of 40 sigma costs the others at most 15 %") {
  check_outlier<trellis<1, 10>>();
  check_outlier<trellis<2, 10>>();
  check_outlier<trellis<3, 10>>();
  check_outlier<trellis<4, 10>>();
}

TEST_CASE("trellis: rows of zeros among others, infinite weights and NaN give numbers") {
  using Q = trellis<2, 8>;
  const Q q;
  Q::workspace ws;
  coded<Q> tile(3);
  tile.s(0, 2) = tile.s(0, 15) = 0;
  tile.x(0, 0) = HUGE_VALF;
  tile.x(1, 0) = -HUGE_VALF;
  tile.x(2, 0) = NAN;
  tile.s(0, 1) = 0x1p-24f;  // the smallest of fp16
  tile.code<lanes>(q, ws);
  for (index_t k = 0; k < 16; ++k) {
    CHECK(tile.x_hat(k, 2) == 0);
    CHECK(tile.x_hat(k, 15) == 0);
    for (index_t r = 0; r < 16; ++r) CHECK(std::isfinite(tile.x_hat(k, r)));
  }
  const std::vector<std::int32_t> first = tile.c;
  tile.code<float>(q, ws);
  CHECK(tile.c == first);
}

TEST_CASE("trellis: views with strides are read where they say") {
  using Q = trellis<3, 9>;
  const Q q;
  Q::workspace ws;
  coded<Q> tile(4, 1.25f);
  tile.code<lanes>(q, ws);
  matrix<float> wide(16, 40), out(16, 40), scales(1, 40);
  for (index_t r = 0; r < 16; ++r) {
    scales(0, r + 5) = tile.s(0, r);
    for (index_t k = 0; k < 16; ++k) wide(k, r + 5) = tile.x(k, r);
  }
  std::vector<std::int32_t> c(256);
  q.encode_tile<lanes>(wide.view().block(0, 5, 16, 16), scales.view().block(0, 5, 1, 16), c, ws);
  CHECK(c == tile.c);
  q.decode_tile<lanes>(c, scales.view().block(0, 5, 1, 16), out.view().block(0, 5, 16, 16));
  for (index_t k = 0; k < 16; ++k) {
    CHECK(out(k, 4) == 0);
    CHECK(out(k, 21) == 0);
    for (index_t r = 0; r < 16; ++r) CHECK(out(k, r + 5) == tile.x_hat(k, r));
  }
}

TEST_CASE("trellis: what was decoded is coded at no error") {
  using Q = trellis<2, 12>;
  const Q q;
  Q::workspace ws;
  for (const std::uint64_t seed : {5u, 6u, 7u}) {
    coded<Q> tile(seed, 0.75f);
    tile.code<lanes>(q, ws);
    const matrix<float> decoded = tile.x_hat;
    tile.x = decoded;
    tile.code<lanes>(q, ws);
    CHECK(tile.x_hat == decoded);
  }
}

TEST_CASE("trellis: the scale is the root mean square in fp16, or none") {
  const float x[] = {3, -4, 0, 0};
  const trellis<2> q;
  CHECK(q.fit(group_view<float>(x, 1, 4))[0] == 2.5f);
  CHECK(q.scale_bits() == 16);
  CHECK(q.pack({1.0f}) == 0x3c00);
  CHECK(q.unpack(0x3c00)[0] == 1.0f);
  CHECK(q.pack({1e9f}) == 0x7bff);
  const trellis<2> bare{.scaled = false};
  CHECK(bare.fit(group_view<float>(x, 1, 4))[0] == 1.0f);
  CHECK(bare.scale_bits() == 0);
  CHECK(bare.pack({1.0f}) == 0);
  CHECK(bare.unpack(0)[0] == 1.0f);
  CHECK(trellis<2>::name() == "trellis<2, 12, latin>");
  CHECK(code_rate<trellis<3>> == 3.0);
  CHECK(field_bits<trellis<3>> == 3);
}

}  // namespace
