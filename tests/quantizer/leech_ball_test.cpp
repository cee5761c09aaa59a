// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include <openquant/metric/gaussian.hpp>
#include <openquant/quantizer/leech_ball.hpp>

#include "laws/quantizer_laws.hpp"

namespace {

using namespace openquant;
using lattice::golay;
using lattice::leech_shells;
using quantizer::gaussian_fit;
using quantizer::leech_ball;
using point = vec<float, 24>;

TEST_CASE("leech_ball: laws") {
  laws::check_quantizer_laws(leech_ball{});
  laws::check_quantizer_laws(leech_ball{.fit_by = gaussian_fit::none});
}

/// The least |p|^2 - 2 <y, p> over the ball, class by class and word by word: in a class the best
/// arrangement pairs sorted magnitudes with sorted coordinates. In double, without a bound.
/// Source: Adoul & Barth, IEEE Trans. Inf. Theory 34(5), 1988
double least_excess(const point& y) {
  double least = 0;
  for (int index = 0; index < golay::words; ++index) {
    const std::uint32_t word = golay::word(index);
    std::vector<double> on, off, odd;
    bool negative = false;  // an odd number of signs on the word
    for (index_t i = 0; i < 24; ++i) {
      const auto value = static_cast<double>(y[i]);
      const bool bit = word >> i & 1;
      (bit ? on : off).push_back(std::fabs(value));
      negative = negative != (bit && value < 0);
      odd.push_back(bit ? -value : value);
    }
    for (auto* list : {&on, &off, &odd}) std::sort(list->begin(), list->end(), std::greater<>());
    for (const auto& c : leech_shells::table().classes()) {
      double product = 0;
      if (c.o == 1) {
        // On zeros of the word values are 1, -3, 5, -7, ...; on its ones their negatives.
        std::size_t next = 0;
        for (const int j : {6, 4, 2, 0, 1, 3, 5, 7}) {
          for (int n = 0; n < c.multiplicity[static_cast<std::size_t>(j)]; ++n) {
            product += odd[next++] * ((j & 1) ? -(2 * j + 1) : 2 * j + 1);
          }
        }
      } else {
        if (c.weight != static_cast<int>(on.size())) continue;
        std::size_t next_on = 0, next_off = 0;
        int sum = 0, smallest = 0;
        for (int j = 7; j >= 0; --j) {
          for (int n = 0; n < c.multiplicity[static_cast<std::size_t>(j)]; ++n) {
            product += 2 * j * ((j & 1) ? on[next_on++] : off[next_off++]);
            sum += 2 * j;
            if (j & 1) smallest = 2 * j;
          }
        }
        // Magnitudes add up to 0 or 4 modulo 8, and each sign on the word adds 4.
        if (c.weight > 0 && negative != ((sum & 7) == 4)) product -= 2 * smallest * on.back();
      }
      least = std::min(least, 16 * c.shell - 2 * product);
    }
  }
  return least;
}
double excess(const point& y, const point& p) {
  double sum = 0;
  for (index_t i = 0; i < 24; ++i) {
    sum += static_cast<double>(p[i]) * (static_cast<double>(p[i]) - 2 * static_cast<double>(y[i]));
  }
  return sum;
}

point gaussian(std::uint64_t seed, std::uint64_t i, float sigma) {
  point y;
  for (index_t k = 0; k < 24; ++k) {
    y[k] = sigma * random::normal(seed, i * 24 + static_cast<std::uint64_t>(k));
  }
  return y;
}

TEST_CASE("leech_ball: for Gaussian points no class has a nearer one, in the ball or far out") {
  for (const float sigma : {1.0f, 2.5f, 2.9f, 3.5f, 6.0f, 100.0f, 1e6f}) {
    for (std::uint64_t i = 0; i < 2; ++i) {
      const point y = gaussian(31, i, sigma), p = leech_ball::nearest_point(y);
      CHECK(squared_norm(p) <= 208);
      CHECK(excess(y, p) == doctest::Approx(least_excess(y)).epsilon(1e-6));
    }
  }
}

TEST_CASE("leech_ball: nor for outliers among small weights") {
  for (std::uint64_t i = 0; i < 4; ++i) {
    point y = gaussian(32, i, i < 2 ? 0.5f : 0.0f);
    y[static_cast<index_t>(i) * 4] = 14;
    const point p = leech_ball::nearest_point(y);
    CHECK(squared_norm(p) <= 208);
    CHECK(excess(y, p) == doctest::Approx(least_excess(y)).epsilon(1e-6));
  }
}

TEST_CASE("leech_ball: points of the ball are coded by their numbers") {
  const leech_ball q{.fit_by = gaussian_fit::none};
  const auto& shells = leech_shells::table();
  const vec<float, 1> s{1 / leech_ball::step};
  for (std::uint64_t i = 0; i < 300; ++i) {
    const std::uint64_t number = random::bits(33, i) % leech_shells::count;
    const auto c = q.encode(shells.point(number), s);
    CHECK(static_cast<std::uint64_t>(c[0]) + (static_cast<std::uint64_t>(c[1]) << 24) == number);
    CHECK(laws::same(q.decode(c, s), shells.point(number)));
  }
  // What is no number decodes to the origin.
  CHECK(laws::same(q.decode(vec<std::int32_t, 2>{0xffffff, 0xffffff}, s), point{}));
}

TEST_CASE("leech_ball: the docstring's error on N(0,1), within four standard errors of 0.0004") {
  const auto d = metric::gaussian<batch<default_arch>>(leech_ball{}, 24 * 8192, 3);
  CHECK(d.bits == 2);
  CHECK(d.standard_error < 0.0004);
  CHECK(std::fabs(d.mse - 0.0773) <= 4 * d.standard_error);
}

TEST_CASE("leech_ball: sigma is the root mean square, or there is none") {
  std::vector<float> x(48, 3.0f);
  const group_view<float> group(x.data(), 1, 48);
  CHECK(leech_ball{}.fit(group)[0] == 3);
  CHECK(leech_ball{}.scale_bits() == 16);
  const leech_ball unit{.fit_by = gaussian_fit::none};
  CHECK(unit.fit(group)[0] == 1);
  CHECK(unit.scale_bits() == 0);
  CHECK(unit.pack({1.0f}) == 0);
  CHECK(unit.unpack(0)[0] == 1);
  CHECK(leech_ball::name() == "leech_ball");
}

}  // namespace
