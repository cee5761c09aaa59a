// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include <openquant/metric/gaussian.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "laws/quantizer_laws.hpp"
#include "quantizer/counted_lane.hpp"

namespace {

using namespace openquant;
using quantizer::uniform;
using quantizer::uniform_fit;

group_view<float> view(const std::vector<float>& x, const std::vector<float>& h = {}) {
  return {x.data(), 1, static_cast<index_t>(x.size()), h.empty() ? nullptr : h.data()};
}
template <int B>
float coded(const uniform<B>& q, float x, const vec<float, 2>& s) {
  return q.decode(q.encode(vec<float, 1>{x}, s), s)[0];
}
template <int B>
double loss(const uniform<B>& q, const vec<float, 2>& s, const std::vector<float>& x,
            const std::vector<float>& h) {
  double sum = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const auto e = static_cast<double>(x[j] - coded(q, x[j], s));
    sum += static_cast<double>(h[j]) * e * e;
  }
  return sum;
}

TEST_CASE("uniform: laws, symmetric") {
  constexpr bool symmetric = true;
  laws::check_quantizer_laws(uniform<1>{symmetric}, {.nearest = true});
  laws::check_quantizer_laws(uniform<2>{symmetric, uniform_fit::mse}, {.nearest = true});
  laws::check_quantizer_laws(uniform<4>{symmetric, uniform_fit::range}, {.nearest = true});
  laws::check_quantizer_laws(uniform<8>{symmetric}, {.nearest = true});
}

TEST_CASE("uniform: laws, asymmetric") {
  constexpr bool symmetric = false;
  laws::check_quantizer_laws(uniform<1>{symmetric, uniform_fit::range}, {.nearest = true});
  laws::check_quantizer_laws(uniform<2>{symmetric}, {.nearest = true});
  laws::check_quantizer_laws(uniform<4>{symmetric, uniform_fit::mse}, {.nearest = true});
  laws::check_quantizer_laws(uniform<8>{symmetric, uniform_fit::range}, {.nearest = true});
}

TEST_CASE("uniform: asymmetric by hand") {
  // Range [-1, 2] in 3 steps of 1: zero is 1, the levels are -1, 0, 1, 2.
  const uniform<2> q{.symmetric = false, .fit_by = uniform_fit::range};
  const std::vector<float> x{-1, 0.4f, 2, 0.6f};
  const auto s = q.fit(view(x));
  CHECK(s[0] == 1);
  CHECK(s[1] == 1);
  CHECK(q.encode(vec<float, 1>{-1}, s) == 0);
  CHECK(q.encode(vec<float, 1>{0.4f}, s) == 1);
  CHECK(q.encode(vec<float, 1>{0.5f}, s) == 2);  // 1.5 goes to the even 2
  CHECK(q.encode(vec<float, 1>{0.6f}, s) == 2);
  CHECK(q.encode(vec<float, 1>{2}, s) == 3);
  CHECK(q.encode(vec<float, 1>{7}, s) == 3);
  CHECK(q.encode(vec<float, 1>{-7}, s) == 0);
  for (int code = 0; code < 4; ++code) {
    CHECK(q.decode(code, s)[0] == static_cast<float>(code - 1));
  }
  CHECK(q.pack(s) == (0x3c00 | 1 << 16));
}

TEST_CASE("uniform: the range contains 0") {
  const uniform<2> q{.symmetric = false, .fit_by = uniform_fit::range};
  const auto above = q.fit(view({4, 6, 5})), below = q.fit(view({-4, -6, -5}));
  CHECK(above[0] == 2);
  CHECK(above[1] == 0);
  CHECK(below[0] == 2);
  CHECK(below[1] == 3);
  CHECK(coded(q, 0, above) == 0);
  CHECK(coded(q, 0, below) == 0);
}

TEST_CASE("uniform: symmetric by hand") {
  // 2 bits: -2, ..., 1 steps of 2 * 3 / 3; 1 bit: +- half a step of 2 * 3.
  const uniform<2> two{.symmetric = true, .fit_by = uniform_fit::range};
  const auto s = two.fit(view({-3, 1}));
  CHECK(s[0] == 2);
  CHECK(s[1] == 2);
  for (int code = 0; code < 4; ++code) {
    CHECK(two.decode(code, s)[0] == static_cast<float>(2 * (code - 2)));
  }
  CHECK(two.pack(s) == 0x4000);

  const uniform<1> one{.symmetric = true, .fit_by = uniform_fit::range};
  const auto t = one.fit(view({-3, 1}));
  CHECK(t[0] == 6);
  CHECK(coded(one, -0.1f, t) == -3);
  CHECK(coded(one, 0.1f, t) == 3);
  CHECK(one.unpack(one.pack(t))[1] == 0.5f);
}

template <int B>
void check_bits_and_error() {
  CAPTURE(B);
  const uniform<B> symmetric{.symmetric = true}, asymmetric{.symmetric = false};
  CHECK(uniform<B>::code_bits == B);
  CHECK(uniform<B>::name() == "uniform<" + std::to_string(B) + ">");
  CHECK(symmetric.scale_bits() == 16);
  CHECK(asymmetric.scale_bits() == 16 + B);
  const float top = static_cast<float>((1 << B) - 1);
  for (const float zero : {0.0f, 1.0f, static_cast<float>(1 << (B - 1)), top}) {
    const vec<float, 2> s{0.37f, zero};
    const float low = -zero * s[0], high = (top - zero) * s[0];
    for (int k = 0; k <= 1000; ++k) {
      const float x = low + (high - low) * 0.001f * static_cast<float>(k);
      // half a step, and the rounding of the arithmetic around numbers up to the range
      CHECK(std::fabs(x - coded(asymmetric, x, s)) <= s[0] / 2 + 0x1p-22f * (high - low));
    }
  }
}

TEST_CASE("uniform: bits, and an error of at most half a step inside the range") {
  check_bits_and_error<1>();
  check_bits_and_error<2>();
  check_bits_and_error<3>();
  check_bits_and_error<4>();
  check_bits_and_error<5>();
  check_bits_and_error<6>();
  check_bits_and_error<7>();
  check_bits_and_error<8>();
}

TEST_CASE("uniform: what is decoded has the step of fp16") {
  const uniform<4> q{.symmetric = false, .fit_by = uniform_fit::range};
  const auto fitted = q.fit(view({-0.1f, 0.2f}));  // 0.3 / 15: 0.02 is no fp16 number
  const auto stored = q.unpack(q.pack(fitted));
  CHECK(stored[0] != fitted[0]);
  CHECK(stored[0] == to_float(to_float16(fitted[0])));
  CHECK(stored[1] == fitted[1]);
  CHECK(coded(q, 0.2f, stored) == 10 * stored[0]);
}

/// E e^2 and E e^4 of the error over N(0,1) at this step and zero, by the midpoint rule.
struct error_moments {
  double second = 0, fourth = 0;
};
error_moments gaussian_moments(int bits, double step, double zero) {
  constexpr int points = 4000;
  constexpr double width = 16.0 / points;
  static const std::vector<double> mass = [] {
    std::vector<double> m(points);
    for (int i = 0; i < points; ++i) {
      const double x = -8 + (i + 0.5) * width;
      m[static_cast<std::size_t>(i)] =
          width * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
    }
    return m;
  }();
  const double top = (1 << bits) - 1;
  error_moments m;
  for (int i = 0; i < points; ++i) {
    const double x = -8 + (i + 0.5) * width;
    const double code = std::clamp(std::nearbyint(x / step + zero), 0.0, top);
    const double square = std::pow(x - (code - zero) * step, 2);
    m.second += mass[static_cast<std::size_t>(i)] * square;
    m.fourth += mass[static_cast<std::size_t>(i)] * square * square;
  }
  return m;
}

/// The least E e^2 over steps from 0.01 to 4, in ratios of 1.03 and around the best of 1.001.
error_moments gaussian_optimum(int bits, double zero) {
  error_moments best{1e9, 0};
  double at = 0;
  const auto scan = [&](double first, double ratio, int count) {
    for (int k = 0; k < count; ++k) {
      const double step = first * std::pow(ratio, k);
      const error_moments m = gaussian_moments(bits, step, zero);
      if (m.second < best.second) best = m, at = step;
    }
  };
  scan(0.01, 1.03, 203);
  scan(at * 0.97, 1.001, 61);
  return best;
}

template <int B>
void check_gaussian(double zero) {
  constexpr index_t samples = 16384;
  const error_moments best = gaussian_optimum(B, zero);
  const double mse =
      metric::gaussian(uniform<B>{.symmetric = true, .fit_by = uniform_fit::mse}, samples, 1).mse;
  const double deviation = std::sqrt((best.fourth - best.second * best.second) / samples);
  CAPTURE(B);
  CAPTURE(best.second);
  CHECK(std::fabs(mse - best.second) <= 5 * deviation);
}

TEST_CASE("uniform: symmetric and searched, the error on N(0,1) is the best of all steps") {
  check_gaussian<1>(0.5);
  check_gaussian<2>(2);
  check_gaussian<3>(4);
  check_gaussian<4>(8);
}

TEST_CASE("uniform: what 0 as a level costs on N(0,1)") {
  // Levels half a step off 0 reach Max's optimum for equal steps; with 0 among them one side has
  // a level less.
  const double centred[5] = {0, 0.3634, 0.1188, 0.03744, 0.01154};
  const double with_zero[5] = {0, 0.3634, 0.1494, 0.0406, 0.01186};
  for (int bits = 1; bits <= 4; ++bits) {
    CAPTURE(bits);
    const double half = ((1 << bits) - 1) / 2.0;
    CHECK(gaussian_optimum(bits, half).second == doctest::Approx(centred[bits]).epsilon(1e-3));
    const double zero = bits == 1 ? 0.5 : 1 << (bits - 1);
    CHECK(gaussian_optimum(bits, zero).second == doctest::Approx(with_zero[bits]).epsilon(1e-3));
  }
}

struct weighted_group {
  std::vector<float> x = std::vector<float>(128), h = std::vector<float>(128);
  explicit weighted_group(std::uint64_t seed) {
    for (std::size_t j = 0; j < x.size(); ++j) {
      x[j] = random::normal(seed, j) + 0.5f;
      h[j] = static_cast<float>(1 / random::uniform(seed + 10, j));  // heavy tails
    }
  }
};

template <int B>
void check_search(bool symmetric) {
  const uniform<B> q{.symmetric = symmetric};
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const weighted_group g(seed);
    const auto range =
        uniform<B>{.symmetric = symmetric, .fit_by = uniform_fit::range}.fit(view(g.x));
    const double found = loss(q, q.fit(view(g.x, g.h)), g.x, g.h);
    CAPTURE(B);
    CAPTURE(symmetric);
    CAPTURE(seed);
    double best = found;
    for (int zero = 0; zero < (symmetric ? 1 : 1 << B); ++zero) {
      for (int k = 20; k < 220; ++k) {
        const vec<float, 2> s{range[0] * 0.005f * static_cast<float>(k),
                              symmetric ? range[1] : static_cast<float>(zero)};
        best = std::min(best, loss(q, s, g.x, g.h));
      }
    }
    CHECK(found <= loss(q, range, g.x, g.h));
    CHECK(found <= 1.02 * best);
  }
}

TEST_CASE("uniform: the searched scale beats the range's and a dense grid's by all but 2 %") {
  for (const bool symmetric : {true, false}) {
    check_search<2>(symmetric);
    check_search<3>(symmetric);
    check_search<4>(symmetric);
  }
}

TEST_CASE("uniform: fitted by mse, importances do not count") {
  const weighted_group g(4);
  const uniform<3> by_mse{.fit_by = uniform_fit::mse}, weighted;
  CHECK(by_mse.fit(view(g.x, g.h))[0] == by_mse.fit(view(g.x))[0]);
  CHECK(weighted.fit(view(g.x))[0] == by_mse.fit(view(g.x))[0]);
  CHECK(weighted.fit(view(g.x, g.h))[0] != by_mse.fit(view(g.x))[0]);
}

TEST_CASE("uniform: the operations of the docstring") {
  using lane = counted_lane;
  const auto passes = [](bool symmetric, uniform_fit fit_by) {
    const weighted_group g(5);
    lane::done = {};
    uniform<4>{symmetric, fit_by}.fit(group_view<lane>(g.x.data(), 1, 128, g.h.data()));
    return lane::done.roundings / 128;  // one of each weight, and one of the zero point
  };
  CHECK(passes(true, uniform_fit::range) == 0);
  CHECK(passes(true, uniform_fit::mse) == 29);
  CHECK(passes(true, uniform_fit::weighted) == 29);
  CHECK(passes(false, uniform_fit::mse) == 29);
  CHECK(passes(false, uniform_fit::weighted) == 29);
  lane::done = {};
  uniform<4>{}.encode(vec<lane, 1>{0.3f}, vec<lane, 2>{1.0f, 2.0f});
  CHECK(lane::done.divisions == 1);
  CHECK(lane::done.roundings == 1);
}

}  // namespace
