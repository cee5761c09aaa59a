// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/quantizer/scale_search.hpp>

namespace {

using namespace openquant;
using quantizer::best_scale;

/// A pair of weights, each rounded to a multiple of its own step, both in -2, ..., 1 steps.
struct pair_of_grids {
  static constexpr index_t dim = 2, scale_fields = 2;
  static constexpr int code_bits = 4;
  static std::string name() { return "pair_of_grids"; }
  int scale_bits() const { return 64; }
  template <class T>
  vec<T, 2> fit(const group_view<T>&) const {
    return {T(1.0f), T(1.0f)};
  }
  template <class T>
  lane_int_t<T> encode(const vec<T, 2>& x, const vec<T, 2>& s) const {
    const auto level = [&](index_t k) {
      return min(max(round_even(x[k] / s[k]), T(-2.0f)), T(1.0f)) + T(2.0f);
    };
    return to_int(level(0) * T(4.0f) + level(1));
  }
  template <class T, class Code>
  vec<T, 2> decode(const Code& c, const vec<T, 2>& s) const {
    return {(to_float(c >> 2) - T(2.0f)) * s[0], (to_float(c & Code(3)) - T(2.0f)) * s[1]};
  }
  std::uint64_t pack(const vec<float, 2>&) const { return 0; }
  vec<float, 2> unpack(std::uint64_t) const { return {1, 1}; }
};
static_assert(Quantizer<pair_of_grids>);

constexpr index_t candidates = 12, size = 16, rows = 16;

template <class T>
vec<T, 2> candidate(index_t k) {
  return {T(0.3f + 0.2f * static_cast<float>(k % 4)), T(0.4f + 0.3f * static_cast<float>(k / 4))};
}

struct panel {
  std::vector<float> weights = std::vector<float>(size * rows);
  std::vector<float> h = std::vector<float>(size);
  panel() {
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = random::normal(1, i);
    for (std::size_t j = 0; j < h.size(); ++j) h[j] = static_cast<float>(random::uniform(2, j));
  }
  template <class T>
  group_view<T> group(index_t row) const {
    return {weights.data() + row, rows, size, h.data()};
  }
};

/// The definition, loop by loop, in double.
double loss(const panel& p, index_t row, index_t k) {
  const pair_of_grids q;
  const vec<float, 2> s = candidate<float>(k);
  double sum = 0;
  for (index_t j = 0; j < size; j += 2) {
    const auto group = p.group<float>(row);
    const vec<float, 2> x{group[j], group[j + 1]}, y = q.decode(q.encode(x, s), s);
    for (index_t i = 0; i < 2; ++i) {
      const auto e = static_cast<double>(x[i] - y[i]);
      sum += static_cast<double>(group.weight(j + i)) * e * e;
    }
  }
  return sum;
}

TEST_CASE("best_scale: the least weighted loss of all candidates") {
  const panel p;
  bool varied = false;
  vec<float, 2> first{};
  for (index_t row = 0; row < rows; ++row) {
    const auto s = best_scale(pair_of_grids{}, p.group<float>(row), candidates, candidate<float>);
    index_t best = 0;
    for (index_t k = 1; k < candidates; ++k) {
      if (loss(p, row, k) < loss(p, row, best)) best = k;
    }
    CAPTURE(row);
    CHECK(s[0] == candidate<float>(best)[0]);
    CHECK(s[1] == candidate<float>(best)[1]);
    if (row == 0) first = s;
    varied = varied || s[0] != first[0] || s[1] != first[1];
  }
  CHECK(varied);  // otherwise a constant would pass
}

template <class Lane>
void check_lanes() {
  const panel p;
  for (index_t first = 0; first < rows; first += lane_count<Lane>) {
    const auto s = best_scale(pair_of_grids{}, p.group<Lane>(first), candidates, candidate<Lane>);
    for (index_t field = 0; field < 2; ++field) {
      float lane[lane_count<Lane>];
      store(s[field], lane);
      for (index_t r = 0; r < lane_count<Lane>; ++r) {
        const auto alone =
            best_scale(pair_of_grids{}, p.group<float>(first + r), candidates, candidate<float>);
        CHECK(lane[r] == alone[field]);
      }
    }
  }
}

TEST_CASE("best_scale: every lane searches by itself") {
  check_lanes<batch<baseline_arch>>();
#if defined(__AVX2__)
  check_lanes<batch<xsimd::avx2>>();
#endif
  check_lanes<batch<default_arch>>();
}

TEST_CASE("best_scale: the first of equals, and the importances decide") {
  const std::vector<float> zeros(8);
  const group_view<float> nothing(zeros.data(), 1, 8);
  const auto s = best_scale(pair_of_grids{}, nothing, candidates, candidate<float>);
  CHECK(s[0] == candidate<float>(0)[0]);
  CHECK(s[1] == candidate<float>(0)[1]);

  // Steps 1 and 0.75 hit one of two weights each.
  const std::vector<float> x{1, 0, 0.75f, 0}, one{1, 1, 0, 0}, other{0, 0, 1, 1};
  const auto step = [](index_t k) -> vec<float, 2> { return {k == 0 ? 1 : 0.75f, 1}; };
  const auto chosen = [&](const std::vector<float>& h) {
    return best_scale(pair_of_grids{}, group_view<float>(x.data(), 1, 4, h.data()), 2, step)[0];
  };
  CHECK(chosen(one) == 1);
  CHECK(chosen(other) == 0.75f);
}

/// Rounds to whole steps, -2, ..., 1 of them; tells its loss in units of half a step, and how often
/// it was asked.
struct telling {
  static constexpr index_t dim = 1, scale_fields = 1;
  static constexpr float loss_unit = 0.5f;
  static inline index_t asked = 0;
  template <class T>
  lane_int_t<T> encode(const vec<T, 1>& x, const vec<T, 1>& s) const {
    return to_int(min(max(round_even(x[0] / s[0]), T(-2.0f)), T(1.0f)));
  }
  template <class T, class Code>
  vec<T, 1> decode(const Code& c, const vec<T, 1>& s) const {
    return {to_float(c) * s[0]};
  }
  template <class T>
  T loss(const vec<T, 1>& u, const vec<T, 1>& h) const {
    ++asked;
    const T level = min(max(round_even(u[0] * T(0.5f)), T(-2.0f)), T(1.0f)),
            e = u[0] - level - level;
    return h[0] * (e * e);
  }
};
/// The same without saying so.
struct silent : telling {
 private:
  using telling::loss;
};
static_assert(quantizer::tells_loss<telling, float> && !quantizer::tells_loss<silent, float>);

template <class T>
vec<T, 1> step(index_t k) {
  return {T(0.3f + 0.11f * static_cast<float>(k))};
}

TEST_CASE_TEMPLATE("scale_search: losses that are told give the same scale, for any count", T,
                   float, batch<baseline_arch>, batch<default_arch>) {
  const panel p;
  constexpr index_t lanes = lane_count<T>;
  for (index_t count = 1; count <= 9; ++count) {
    for (index_t first = 0; first < rows; first += lanes) {
      telling::asked = 0;
      float told[lanes];
      store(best_scale(telling{}, p.group<T>(first), count, step<T>)[0], told);
      CHECK(telling::asked == count * size);
      for (index_t l = 0; l < lanes; ++l) {
        const auto alone = best_scale(silent{}, p.group<float>(first + l), count, step<float>);
        CHECK(told[l] == alone[0]);
      }
      CHECK(telling::asked == count * size);  // nobody asked the silent one
    }
  }
}

TEST_CASE("scale_search: what was tried first is kept until something is better") {
  const panel p;
  const telling q;
  for (index_t row = 0; row < rows; ++row) {
    const auto all = best_scale(q, p.group<float>(row), 9, step<float>);
    quantizer::scale_search<float, telling> search(q, p.group<float>(row));
    search.among(4, step<float>);
    const auto early = search.best();
    search.among(1, [&](index_t) { return early; });
    CHECK(search.best()[0] == early[0]);
    search.among(5, [](index_t k) { return step<float>(k + 4); });
    CHECK(search.best()[0] == all[0]);
  }
}

TEST_CASE("scale_search: a team finds what one thread finds, in steps and where losses are NaN") {
  const panel p;
  const telling q;
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (index_t row = 0; row < rows; ++row) {
    const group_view<float> alone = p.group<float>(row);
    const group_view<float> shared(p.weights.data() + row, rows, size, p.h.data(), team{32});
    for (index_t count = 1; count <= candidates; ++count) {
      const auto one = best_scale(pair_of_grids{}, alone, count, candidate<float>);
      const auto all = best_scale(pair_of_grids{}, shared, count, candidate<float>);
      CHECK(one[0] == all[0]);
      CHECK(one[1] == all[1]);
      for (const index_t bad : {index_t{0}, count - 1}) {
        const auto broken = [&](index_t k) -> vec<float, 1> {
          return {k == bad ? nan : 0.3f + 0.11f * static_cast<float>(k)};
        };
        const float a = best_scale(q, alone, count, broken)[0];
        const float b = best_scale(q, shared, count, broken)[0];
        CHECK((a == b || (std::isnan(a) && std::isnan(b))));
      }
    }
    quantizer::scale_search<float, telling> by_one(q, alone), by_all(q, shared);
    for (const index_t first : {0, 4, 2}) {
      const auto some = [&](index_t k) { return step<float>(k + first); };
      by_one.among(3, some);
      by_all.among(3, some);
      CHECK(by_one.best()[0] == by_all.best()[0]);
    }
  }
}

TEST_CASE("best_scale: one candidate is taken as it is") {
  const panel p;
  const auto s = best_scale(pair_of_grids{}, p.group<float>(3), 1, candidate<float>);
  CHECK(s[0] == candidate<float>(0)[0]);
}

}  // namespace
