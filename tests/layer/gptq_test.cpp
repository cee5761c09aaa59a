// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sstream>

#include <openquant/openquant.hpp>

#include "laws/solver_laws.hpp"
#include "layer/butterfly_quantizer.hpp"
#include "layer/column_loop.hpp"
#include "layer/pair_quantizer.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using quantizer::uniform;
using quantizer::uniform_fit;

/// Decisions and scales of gptq<Q> against the column loop.
template <class Q>
comparison against_loop(const Q& quantizer, const gptq_options& options, index_t m, index_t n,
                        double rho, std::uint64_t seed) {
  const matrix<float> w = normal_matrix(m, n, seed);
  const hessian h = random_hessian(2 * n, n, rho, seed + 1);
  const auto q = gptq<Q>{.quantizer = quantizer, .options = options}.quantize(w, h);
  const column_loop loop(h, static_cast<double>(options.damping), Q::dim, options.act_order);
  // Groups that the blocks of 128 columns would cut have fixed scales.
  const bool fixed = options.act_order || q.group_size() > 128 || options.group_size == -1;
  return referee(q, w, h, loop).judge(fixed ? scale_rule::fixed : scale_rule::refitted);
}

// A float solver and the double loop part where a target lies within rounding of a tie. Targets are
// smooth, so this hits a fraction of about (rounding of a target) / (step), far below 1 in 500.
void check_same_decisions(const comparison& c, index_t m, index_t n, index_t d) {
  CHECK(c.decisions == m * n / d);
  CHECK(c.unexplained == 0);
  CHECK(500 * c.differing <= c.decisions);
}

TEST_CASE("gptq: the front door") {
  namespace oq = openquant;
  const index_t m = 24, n = 256, tokens = 300;
  const matrix<float> x = random_inputs(tokens, n, 0.8, 2);
  matrix<float> y(tokens, m);
  std::stringstream stream;

  oq::matrix<float> w(m, n);
  w = normal_matrix(m, n, 1);
  oq::hessian h(n);
  h.add(x);

  auto method =
      oq::gptq<oq::quantizer::uniform<4>, oq::rotation::hadamard, oq::equalizer::smoothquant>{
          .quantizer = {.symmetric = false},
          .rotation = {.seed = 7},
          .equalizer = {.alpha = 0.15f},
          .options = {.group_size = 128, .damping = 0.01f, .act_order = true}};

  auto q = method.quantize(w, h);
  const oq::matrix<float> w_hat = q.dequantize();
  const double bits = q.bits_per_weight();
  q.multiply(x, y);
  q.save(stream);
  const auto again = oq::load<decltype(q)>(stream);

  CHECK(again == q);
  CHECK(again.dequantize() == w_hat);
  CHECK(again.report() == q.report());
  CHECK(q.report().tokens == tokens);
  CHECK(q.report().beats_round_to_nearest());
  CHECK(weighted_error(w, w_hat, h) < 0.01);
  // codes, two scales a row in whole bytes, the equalizer's, the seed, the unit
  CHECK(bits == (m * (n * 4 + 2 * 20) + n * 16 + 64 + 32) / static_cast<double>(m * n));
  const auto rounded = oq::round_to_nearest<oq::quantizer::uniform<8>>{}.quantize(w);
  CHECK(weighted_error(w, rounded.dequantize(), h) < weighted_error(w, w_hat, h));
}

TEST_CASE("gptq: takes the decisions of the published column loop, scales fixed") {
  struct size {
    index_t m, n;
  };
  for (const bool symmetric : {true, false}) {
    for (const bool act_order : {false, true}) {
      for (const size s : {size{1, 8}, {33, 8}, {31, 130}, {100, 130}, {1, 256}}) {
        CAPTURE(symmetric);
        CAPTURE(act_order);
        CAPTURE(s.m);
        CAPTURE(s.n);
        const auto c =
            against_loop(uniform<4>{.symmetric = symmetric, .fit_by = uniform_fit::range},
                         {.group_size = -1, .act_order = act_order}, s.m, s.n, 0.9, 10);
        check_same_decisions(c, s.m, s.n, 1);
        CHECK(c.scales == s.m);
        CHECK(c.other_scales == 0);
      }
    }
  }
  const auto c = against_loop(uniform<4>{}, {.group_size = -1}, 33, 384, 0.9, 11);
  check_same_decisions(c, 33, 384, 1);
  CHECK(c.other_scales == 0);
}

TEST_CASE("gptq: the same on other seeds, dampings and correlations") {
  for (std::uint64_t seed = 20; seed < 24; ++seed) {
    for (const double rho : {0.0, 0.5, 0.97}) {
      for (const float damping : {0.001f, 0.1f}) {
        CAPTURE(seed);
        CAPTURE(rho);
        CAPTURE(damping);
        check_same_decisions(
            against_loop(uniform<3>{.fit_by = uniform_fit::range},
                         {.group_size = -1, .damping = damping}, 17, 72, rho, seed),
            17, 72, 1);
      }
    }
  }
}

TEST_CASE("gptq: with act_order the scales of groups are fixed on the weights") {
  for (const index_t g : {16, 50, 128}) {
    CAPTURE(g);
    const auto c =
        against_loop(uniform<4>{}, {.group_size = g, .act_order = true}, 33, 160, 0.9, 30);
    check_same_decisions(c, 33, 160, 1);
    CHECK(c.scales == 33 * ((160 + g - 1) / g));
    CHECK(c.other_scales == 0);
  }
}

TEST_CASE("gptq: so are those of groups longer than a block of 128 columns") {
  const auto c = against_loop(uniform<4>{}, {.group_size = 200}, 3, 256, 0.9, 31);
  check_same_decisions(c, 3, 256, 1);
  CHECK(c.other_scales == 0);
}

// A group's scale sees the compensated weights. Where the loop's differ in the last bits, the
// search or the rounding to fp16 may pick the neighbour, of hardly larger loss.
TEST_CASE("gptq: without it a group's scale is fitted when the group is due") {
  for (const auto fit : {uniform_fit::range, uniform_fit::weighted}) {
    for (const index_t g : {16, 32, 50, 128}) {
      CAPTURE(g);
      const uniform<4> quantizer{.symmetric = false, .fit_by = fit};
      const auto c = against_loop(quantizer, {.group_size = g}, 33, 160, 0.9, 40);
      check_same_decisions(c, 33, 160, 1);
      CHECK(c.scales == 33 * ((160 + g - 1) / g));
      CHECK(50 * c.other_scales <= c.scales);
      if (fit == uniform_fit::weighted) CHECK(c.worst_scale_loss < 0.01);
    }
  }
}

TEST_CASE("gptq: codes of two weights feed their errors back together") {
  for (const bool act_order : {false, true}) {
    for (const index_t n : {8, 130, 160}) {
      CAPTURE(act_order);
      CAPTURE(n);
      const auto c = against_loop(pair_quantizer{}, {.group_size = -1, .act_order = act_order}, 33,
                                  n, 0.9, 50);
      check_same_decisions(c, 33, n, 2);
      CHECK(c.other_scales == 0);
    }
  }
  const auto c = against_loop(pair_quantizer{}, {.group_size = 32}, 33, 160, 0.9, 51);
  check_same_decisions(c, 33, 160, 2);
  CHECK(c.other_scales <= c.scales / 50);
}

TEST_CASE("gptq: an identity Hessian gives round-to-nearest, bit for bit") {
  laws::check_identity_hessian(gptq<uniform<4>>{.options = {.group_size = 32}}, 33, 130, 60);
  laws::check_identity_hessian(gptq<uniform<4>>{.options = {.group_size = -1}}, 33, 256, 61);
  laws::check_identity_hessian(gptq<pair_quantizer>{.options = {.group_size = 16}}, 33, 70, 62);
}

bool all_finite(const matrix<float>& w) {
  return std::all_of(w.data(), w.data() + w.rows() * w.cols(),
                     [](float x) { return std::isfinite(x); });
}

TEST_CASE("gptq: fewer tokens than channels, down to one") {
  const matrix<float> w = normal_matrix(33, 64, 70);
  for (const index_t tokens : {1, 2, 20, 63}) {
    CAPTURE(tokens);
    const hessian h = random_hessian(tokens, 64, 0.5, 71);
    const auto q = gptq<uniform<4>>{.options = {.group_size = 32}}.quantize(w, h);
    CHECK(q.report().tokens == tokens);
    CHECK(q.report().factorizations == 1);
    CHECK(q.report().damping == static_cast<double>(0.01f));
    CHECK(q.report().beats_round_to_nearest());
    laws::check_reported_error(q, w, h);
  }
}

TEST_CASE("gptq: damping 0 does for a Hessian of full rank, and takes the loop's decisions") {
  const auto c = against_loop(uniform<4>{}, {.group_size = -1, .damping = 0}, 17, 32, 0.5, 72);
  check_same_decisions(c, 17, 32, 1);
}

TEST_CASE("gptq: damping 0 with a singular Hessian is raised, and the report says so") {
  const matrix<float> w = normal_matrix(17, 32, 73);
  matrix<float> ones(4, 32);
  for (index_t i = 0; i < 4 * 32; ++i) ones.data()[i] = 1;
  for (const hessian& h : {moments(ones), random_hessian(8, 32, 0.5, 74)}) {
    const auto q = gptq<uniform<4>>{.options = {.damping = 0}}.quantize(w, h);
    CHECK(q.report().factorizations > 1);
    CHECK(q.report().damping >= 1e-8);
    CHECK(q.report().damping < 1e-3);
    CHECK(all_finite(q.dequantize()));
    std::ostringstream text;
    text << q.report();
    CHECK(text.str().find("raised") != std::string::npos);
  }
}

TEST_CASE("gptq: dead channels are rounded, without feedback, and counted") {
  const index_t m = 33, n = 64;
  const matrix<float> w = normal_matrix(m, n, 75);
  matrix<float> x = random_inputs(200, n, 0.8, 76);
  for (index_t t = 0; t < 200; ++t) x(t, 5) = x(t, 40) = 0;
  const hessian h = moments(x);
  const auto q = gptq<uniform<4>>{.options = {.group_size = -1}}.quantize(w, h);
  CHECK(q.report().dead_channels == 2);
  const auto rounded = round_to_nearest<uniform<4>>{.options = {.group_size = -1}}.quantize(w, h);
  for (index_t i = 0; i < m; ++i) {
    CHECK(q.packed().codes.get(i, 5) == rounded.packed().codes.get(i, 5));
    CHECK(q.packed().codes.get(i, 40) == rounded.packed().codes.get(i, 40));
  }
  // The live ones are coded as if the dead did not exist: the damping's mean leaves them out.
  const index_t live = n - 2;
  matrix<float> w_live(m, live), x_live(200, live);
  const auto copy = [&](const matrix<float>& from, matrix<float>& to) {
    for (index_t i = 0; i < to.rows(); ++i) {
      for (index_t j = 0, k = 0; j < n; ++j) {
        if (j != 5 && j != 40) to(i, k++) = from(i, j);
      }
    }
  };
  copy(w, w_live);
  copy(x, x_live);
  // The dead weights must not widen the range of a row's scale in this comparison.
  matrix<float> w_zeroed(w.view());
  for (index_t i = 0; i < m; ++i) w_zeroed(i, 5) = w_zeroed(i, 40) = 0;
  const gptq<uniform<4>> method{.options = {.group_size = -1}};
  const auto with = method.quantize(w_zeroed, h),
             without = method.quantize(w_live, moments(x_live));
  index_t differing = 0;
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0, k = 0; j < n; ++j) {
      if (j == 5 || j == 40) continue;
      differing += with.packed().codes.get(i, j) != without.packed().codes.get(i, k++) ? 1 : 0;
    }
  }
  CHECK(100 * differing <= m * live);
}

TEST_CASE("gptq: a group of dead channels alone is rounded as without data") {
  const index_t m = 8, n = 256;
  matrix<float> x = random_inputs(300, n, 0.5, 3);
  for (index_t t = 0; t < x.rows(); ++t) {
    for (index_t j = 128; j < n; ++j) x(t, j) = 0;
  }
  const matrix<float> w = normal_matrix(m, n, 4);
  const auto check = [&](auto coded, auto rounded) {
    for (index_t i = 0; i < m; ++i) {
      CHECK(coded.packed().scales.get(i, 1) == rounded.packed().scales.get(i, 1));
      for (index_t j = 128; j < n; ++j) {
        CHECK(coded.packed().codes.get(i, j) == rounded.packed().codes.get(i, j));
      }
    }
  };
  check(gptq<uniform<2>>{}.quantize(w, moments(x)), round_to_nearest<uniform<2>>{}.quantize(w));
  using quantizer::lloyd_max;
  check(gptq<lloyd_max<2>>{}.quantize(w, moments(x)), round_to_nearest<lloyd_max<2>>{}.quantize(w));
}

TEST_CASE("gptq: a single weight, a single row, a single column") {
  for (const auto& shape : {std::pair<index_t, index_t>{1, 1}, {1, 37}, {37, 1}}) {
    const index_t m = shape.first, n = shape.second;
    CAPTURE(m);
    CAPTURE(n);
    const matrix<float> w = normal_matrix(m, n, 5);
    const auto q = gptq<uniform<8>>{}.quantize(w, moments(random_inputs(64, n, 0.5, 6)));
    CHECK(q.dequantize().rows() == m);
    CHECK(q.report().relative_error < 1e-4);
  }
}

TEST_CASE("gptq: a factorization carries the transforms it was made with") {
  using method = gptq<uniform<4>, rotation::hadamard>;
  const method a{.rotation = {.seed = 1}}, b{.rotation = {.seed = 2}};
  const matrix<float> w = normal_matrix(5, 64, 7);
  const auto h = moments(random_inputs(200, 64, 0.5, 8));
  const auto q = b.quantize(w, a.factor(h));
  CHECK(q == a.quantize(w, h));
  CHECK_FALSE(q == b.quantize(w, h));
  std::stringstream file;
  q.save(file);
  CHECK(load<quantized<uniform<4>, rotation::hadamard>>(file).dequantize() == q.dequantize());
}

TEST_CASE("gptq: there is no silent rounding: a Hessian that says nothing is refused") {
  const matrix<float> w = normal_matrix(3, 8, 77);
  CHECK_THROWS_WITH_AS(gptq<uniform<4>>{}.quantize(w, hessian(8)),
                       "gptq: the Hessian has seen no tokens", error);
  CHECK_THROWS_WITH_AS(gptq<uniform<4>>{}.quantize(w, moments(matrix<float>(5, 8))),
                       "gptq: all 8 input channels were zero in all 5 tokens", error);
}

TEST_CASE("gptq: what cannot be is refused with the numbers") {
  matrix<float> w = normal_matrix(3, 8, 78);
  const hessian h = random_hessian(20, 8, 0, 79);
  CHECK_THROWS_WITH_AS(gptq<uniform<4>>{}.quantize(normal_matrix(3, 9, 78), h),
                       "gptq: w is (3, 9), the Hessian is of order 8", error);
  CHECK_THROWS_WITH_AS((gptq<uniform<4>>{.options = {.damping = -0.5f}}.quantize(w, h)),
                       "gptq: damping -0.5 is not a finite number from 0 on", error);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS((gptq<uniform<4>>{.options = {.damping = nan}}.quantize(w, h)), error);
  CHECK_THROWS_AS((gptq<uniform<4>>{.options = {.group_size = 0}}.quantize(w, h)), error);
  CHECK_THROWS_WITH_AS(gptq<pair_quantizer>{}.quantize(w, hessian(7)),
                       "gptq: the Hessian has seen no tokens", error);
  w(2, 6) = -std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH_AS(gptq<uniform<4>>{}.quantize(w, h), "weights: w(2, 6) = -inf", error);
}

TEST_CASE("gptq: columns of a Hessian that overflows have an order, and then it is refused") {
  constexpr index_t n = 128;
  matrix<double> sums(n, n);
  for (index_t i = 0; i < n; ++i) {
    const bool small = i / 4 % 2 == 0;  // scales of 2^-15 and 2^15, infinities in every other block
    for (index_t j = 0; j < i; ++j) sums(i, j) = small && i / 4 == j / 4 ? 0x1p100 : 0;
    sums(i, i) = small ? 0x1p-30 : 0x1p30;
  }
  const hessian h(std::move(sums), 1);
  const gptq<uniform<4>, rotation::block_hadamard<4>, equalizer::smoothquant> method{
      .equalizer = {.alpha = 0.5f}, .options = {.act_order = true}};
  matrix<float> there = h.mean();
  basis(method.rotation, n, method.equalizer.scales(h.diagonal())).hessian_to(there);
  CHECK(std::isnan(there(1, 1)));
  CHECK(std::isfinite(there(5, 5)));
  CHECK_THROWS_WITH_AS(static_cast<void>(method.quantize(normal_matrix(4, n, 1), h)),
                       doctest::Contains("gptq: the Hessian is not positive definite"), error);
}

TEST_CASE("gptq: one factorization serves every layer that reads the same inputs") {
  const hessian h = random_hessian(100, 40, 0.8, 80);
  const gptq<uniform<4>> method{.options = {.group_size = 8, .act_order = true}};
  const auto f = method.factor(h);
  for (const std::uint64_t seed : {std::uint64_t{81}, std::uint64_t{82}}) {
    const matrix<float> w = normal_matrix(20, 40, seed);
    CHECK(method.quantize(w, f) == method.quantize(w, h));
  }
}

TEST_CASE(
    "gptq: a last block that the row does not fill is coded as if zeros without inputs followed") {
  const index_t m = 5, n = 9;
  const matrix<float> w = normal_matrix(m, n, 83), x = random_inputs(50, n, 0.8, 84);
  matrix<float> longer_w(m, n + 1), longer_x(50, n + 1);
  for (index_t j = 0; j < n; ++j) {
    for (index_t i = 0; i < m; ++i) longer_w(i, j) = w(i, j);
    for (index_t t = 0; t < 50; ++t) longer_x(t, j) = x(t, j);
  }
  for (const bool act_order : {false, true}) {
    // A group size of 3 is rounded up to two pairs.
    const gptq<pair_quantizer> method{
        .options = {.group_size = 3, .damping = act_order ? 0.0f : 0.01f, .act_order = act_order}};
    const auto q = method.quantize(w, moments(x));
    const auto longer = method.quantize(longer_w, moments(longer_x));
    CHECK(q.cols() == n);
    CHECK(q.group_size() == 4);
    CHECK(q.packed() == longer.packed());
    CHECK(q.report().relative_error ==
          doctest::Approx(weighted_error(w, q.dequantize(), moments(x))).epsilon(1e-4));
    // 5 codes of 4 bits in 3 bytes, 3 scales in 6, a row; the unit
    CHECK(q.bits_per_weight() == (m * 8 * (3 + 6) + 32) / static_cast<double>(m * n));
  }
}

TEST_CASE("gptq: tiles of rows, with and without scales, on both sides rotated") {
  const index_t m = 43, n = 40;  // the last tile has one row
  const matrix<float> w = normal_matrix(m, n, 85), x = random_inputs(90, n, 0.8, 86);
  const hessian h = moments(x);
  for (const bool scaled : {true, false}) {
    const gptq<butterfly_quantizer> method{.quantizer = {.scaled = scaled}};
    laws::check_executors(method, w, h);
    laws::check_reported_error(method.quantize(w, h), w, h);
    // 22 tiles of 8 bits in each of 40 columns
    CHECK(method.quantize(w, h).bits_per_weight() ==
          static_cast<double>(22 * 8 * n + (scaled ? 16 * m : 0) + 32) /
              static_cast<double>(m * n));
  }
  const matrix<float> w44 = normal_matrix(44, n, 87);
  const gptq<butterfly_quantizer, rotation::two_sided<rotation::hadamard>> method{
      .rotation = {.input = {.seed = 5}, .output = {.seed = 6}}};
  const auto q = method.quantize(w44, h);
  laws::check_reported_error(q, w44, h);
  CHECK(q.report().beats_round_to_nearest());
  matrix<float> y(90, 44);
  q.multiply(x, y);
  const matrix<float> w_hat = q.dequantize();
  for (index_t t = 0; t < 90; ++t) {
    for (index_t i = 0; i < 44; ++i) {
      double sum = 0, size = 0;
      for (index_t j = 0; j < n; ++j) {
        const double term = static_cast<double>(x(t, j)) * static_cast<double>(w_hat(i, j));
        sum += term, size += term * term;
      }
      CHECK(std::fabs(static_cast<double>(y(t, i)) - sum) <= 1e-4 * std::sqrt(size * n));
    }
  }
  std::stringstream stream;
  q.save(stream);
  CHECK(load<std::remove_cvref_t<decltype(q)>>(stream) == q);
}

template <class Q, class R = rotation::identity, class E = equalizer::identity>
concept composes = requires {
  typename gptq<Q, R, E>;
};
static_assert(composes<uniform<4>> && composes<pair_quantizer, rotation::hadamard>);
static_assert(!composes<int>);
static_assert(!composes<rotation::hadamard>);
static_assert(!composes<uniform<4>, uniform<4>>);
static_assert(!composes<uniform<4>, equalizer::smoothquant>);  // equalizer and rotation exchanged
static_assert(!composes<uniform<4>, rotation::identity, rotation::hadamard>);

}  // namespace
