// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>
#include <numeric>

#include <openquant/layer/panel.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "layer/pair_quantizer.hpp"
#include "layer/random_feedback.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using quantizer::uniform;
using quantizer::uniform_fit;

constexpr index_t m = 101, n = 140, panels = 2, panel_rows = 64;  // strips of 32, the last ragged

template <class Q>
packed_codes empty_codes(const Q& q, index_t g) {
  return zero_codes(q, m, strip_shape<Q>{n, g});
}

/// Blocks of d columns in a fixed order that is not the natural one.
std::vector<index_t> mixed_order(index_t d) {
  std::vector<index_t> order(static_cast<std::size_t>(n / d));
  std::iota(order.begin(), order.end(), index_t{0});
  std::stable_sort(order.begin(), order.end(), [](index_t a, index_t b) {
    return random::bits(5, static_cast<std::uint64_t>(a)) <
           random::bits(5, static_cast<std::uint64_t>(b));
  });
  return order;
}

/// Panels of every row against q_j = Q(w_j + sum_{i<j} (w_i - q_i) U_ij) in double, with the errors
/// that the panel itself reports; then its errors against its codes.
template <class Arch, class Q>
void check_formula(const Q& q, const std::vector<index_t>& order, index_t g) {
  constexpr index_t d = Q::dim;
  const matrix<float> w = normal_matrix(m, n, 7), u = random_feedback(n, d);
  const panel_problem problem{w, u, {}, order, g};
  packed_codes out = empty_codes(q, g);
  index_t differing = 0, wrong_errors = 0;
  for (index_t i = 0; i < panels; ++i) {
    const index_t first = i * panel_rows, rows = std::min(panel_rows, m - first);
    panel<Arch, Q> part(q, problem, first, rows);
    part.quantize(&out);
    const auto e = part.error();
    for (index_t r = 0; r < rows; ++r) {
      const matrix<float> ordered = part.weights(r / 32 * 32);
      for (index_t p = 0; p < n; p += d) {
        const index_t j = order.empty() ? p : order[static_cast<std::size_t>(p / d)] * d;
        const auto s = q.unpack(out.scales.get(first + r, j / g));
        const auto code = static_cast<std::int32_t>(out.codes.get(first + r, j / d));
        point_t<Q> target;
        for (index_t c = 0; c < d; ++c) {
          auto sum = static_cast<double>(w(first + r, j + c));
          for (index_t k = 0; k < p; ++k) {
            sum += static_cast<double>(e(k, r)) * static_cast<double>(u(k, p + c));
          }
          target[c] = static_cast<float>(sum);
          const float error = w(first + r, j + c) - q.decode(code, s)[c];
          if (error != e(p + c, r)) ++wrong_errors;
          if (ordered(p + c, r % 32) != w(first + r, j + c)) ++wrong_errors;
        }
        if (q.encode(target, s) != code) ++differing;
      }
    }
  }
  CHECK(wrong_errors == 0);
  CHECK(500 * differing <= m * n);  // sums in float, in another order: ties alone
}

TEST_CASE_TEMPLATE("panel: the formula, for one weight and for two a code", Arch, default_arch,
                   baseline_arch) {
  check_formula<Arch>(uniform<4>{.fit_by = uniform_fit::range}, {}, 50);
  check_formula<Arch>(uniform<4>{.fit_by = uniform_fit::range}, {}, 140);
  check_formula<Arch>(uniform<4>{.fit_by = uniform_fit::range}, mixed_order(1), 64);
  check_formula<Arch>(pair_quantizer{}, {}, 20);
  check_formula<Arch>(pair_quantizer{}, mixed_order(2), 128);
}

TEST_CASE("panel: without feedback neither the order nor the instruction set matters") {
  const uniform<3> q{};
  const matrix<float> w = normal_matrix(m, n, 8);
  const std::vector<index_t> order = mixed_order(1);
  const auto codes = [&](const panel_problem& problem, auto arch) {
    packed_codes out = empty_codes(q, problem.group_size);
    for (index_t i = 0; i < panels; ++i) {
      const index_t first = i * panel_rows;
      panel<decltype(arch), uniform<3>>(q, problem, first, std::min(panel_rows, m - first))
          .quantize(&out);
    }
    return out;
  };
  for (const index_t g : {1, 7, 128, 129, 140}) {
    CAPTURE(g);
    const panel_problem natural{w, {}, {}, {}, g}, ordered{w, {}, {}, order, g};
    const packed_codes expected = codes(natural, default_arch{});
    CHECK(codes(ordered, default_arch{}) == expected);
    CHECK(codes(natural, baseline_arch{}) == expected);
  }
}

TEST_CASE("panel: codes that nobody wants change no error, other rows are left alone") {
  using panel_t = panel<default_arch, uniform<4>>;
  const uniform<4> q{};
  const matrix<float> w = normal_matrix(m, n, 9), u = random_feedback(n, 1);
  const panel_problem problem{w, u, {}, {}, 100};
  packed_codes out = empty_codes(q, 100);
  panel_t loud(q, problem, panel_rows, m - panel_rows),
      quiet(q, problem, panel_rows, m - panel_rows);
  loud.quantize(&out);
  quiet.quantize(nullptr);
  const float *a = loud.error().data(), *b = quiet.error().data();
  CHECK(std::equal(a, a + n * loud.error().cols(), b));
  index_t written = 0;
  for (index_t j = 0; j < n; ++j) written += out.codes.get(panel_rows - 1, j) != 0 ? 1 : 0;
  CHECK(written == 0);
}

TEST_CASE("panel: a slab gives the codes of its strips one by one") {
  const uniform<4> q{.fit_by = uniform_fit::range};
  const matrix<float> w = normal_matrix(m, 64, 10);  // one block: no product, whose sums may differ
  matrix<float> u = random_feedback(n, 1);
  const panel_problem problem{w, u.view().block(0, 0, 64, 64), {}, {}, 32};
  packed_codes whole = zero_codes(q, m, strip_shape<uniform<4>>{64, 32}), strips = whole;
  panel<default_arch, uniform<4>>(q, problem, 0, m).quantize(&whole);
  for (index_t r = 0; r < m; r += 32) {
    panel<default_arch, uniform<4>>(q, problem, r, std::min(index_t{32}, m - r)).quantize(&strips);
  }
  CHECK(whole == strips);
}

}  // namespace
