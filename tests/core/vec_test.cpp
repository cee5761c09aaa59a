// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <type_traits>

#include <openquant/core/simd.hpp>
#include <openquant/core/vec.hpp>

namespace {

using namespace openquant;

static_assert(std::is_aggregate_v<vec<float, 8>> && sizeof(vec<float, 8>) == 32);
static_assert(vec<float, 8>::size() == 8);

constexpr vec<float, 3> a{1, -2, 3}, b{10, 20, 30};
static_assert((a + b)[0] == 11 && (a + b)[1] == 18 && (a + b)[2] == 33);
static_assert((b - a)[0] == 9 && (b - a)[1] == 22 && (b - a)[2] == 27);
static_assert((a * 2.0f)[0] == 2 && (a * 2.0f)[1] == -4 && (a * 2.0f)[2] == 6);
static_assert(squared_norm(a) == 14);
static_assert(squared_norm(vec<float, 1>{3}) == 9);

TEST_CASE_TEMPLATE("vec: lanes are separate points", Arch, baseline_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  float x[width], y[width], out[width];
  for (index_t l = 0; l < width; ++l) {
    x[l] = static_cast<float>(l + 1);
    y[l] = static_cast<float>(2 * l - 5);
  }
  const vec<lanes, 2> p{load<lanes>(x), load<lanes>(y)};
  store(squared_norm((p + p) * lanes(0.5f) - vec<lanes, 2>{lanes(1.0f), lanes(0.0f)}), out);
  for (index_t l = 0; l < width; ++l) {
    const vec<float, 2> q{x[l] - 1, y[l]};
    CHECK(out[l] == squared_norm(q));
  }
  const vec<lanes, 2> chosen = select(p[0] > p[1], p, p + p);
  for (index_t i = 0; i < 2; ++i) {
    store(chosen[i], out);
    for (index_t l = 0; l < width; ++l) {
      const float own = i == 0 ? x[l] : y[l];
      CHECK(out[l] == (x[l] > y[l] ? own : own + own));
    }
  }
}

}  // namespace
