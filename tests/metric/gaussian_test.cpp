// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>

#include <openquant/core/float16.hpp>
#include <openquant/metric/gaussian.hpp>

namespace {

using namespace openquant;
using metric::gaussian;

/// The sign of a weight, decoded as +-sqrt(2 / pi), the best there is for one bit and one weight.
struct sign_bit {
  static constexpr index_t dim = 1, scale_fields = 1;
  static constexpr int code_bits = 1;
  static std::string name() { return "sign_bit"; }
  int scale_bits() const { return 0; }
  template <class T>
  scale_t<sign_bit, T> fit(group_view<T>) const {
    return {T(0.79788456f)};
  }
  template <class T>
  lane_int_t<T> encode(const vec<T, 1>& x, const vec<T, 1>&) const {
    return select(x[0] < T(0.0f), lane_int_t<T>(1), lane_int_t<T>(0));
  }
  template <class T = float, class C>
  vec<T, 1> decode(C c, const vec<T, 1>& s) const {
    return {T(1.0f - 2.0f * static_cast<float>(c)) * s[0]};
  }
  std::uint64_t pack(const vec<float, 1>&) const { return 0; }
  vec<float, 1> unpack(std::uint64_t) const { return {0.79788456f}; }
};
static_assert(Quantizer<sign_bit>);

/// Three signs, decoded as +- a quarter of the group's largest magnitude, stored in bfloat16.
struct three_signs {
  static constexpr index_t dim = 3, scale_fields = 1;
  static constexpr int code_bits = 3;
  static std::string name() { return "three_signs"; }
  int scale_bits() const { return 16; }
  vec<float, 1> fit(group_view<float> group) const {
    float largest = 0;
    for (index_t j = 0; j < group.size(); ++j) largest = max(largest, abs(group[j]));
    return {largest / 4};
  }
  std::int32_t encode(const vec<float, 3>& x, const vec<float, 1>&) const {
    return (x[0] < 0 ? 1 : 0) + (x[1] < 0 ? 2 : 0) + (x[2] < 0 ? 4 : 0);
  }
  vec<float, 3> decode(std::int32_t c, const vec<float, 1>& s) const {
    return {c & 1 ? -s[0] : s[0], c & 2 ? -s[0] : s[0], c & 4 ? -s[0] : s[0]};
  }
  std::uint64_t pack(const vec<float, 1>& s) const { return to_bfloat16(s[0]).bits; }
  vec<float, 1> unpack(std::uint64_t bits) const {
    return {to_float(bfloat16{static_cast<std::uint16_t>(bits)})};
  }
};
static_assert(Quantizer<three_signs>);

TEST_CASE("gaussian: one bit leaves 1 - 2 / pi") {
  constexpr index_t samples = 200000;
  const auto r = gaussian(sign_bit{}, samples, 1);
  CHECK(r.bits == 1);
  // With c = sqrt(2 / pi), E (|x| - c)^4 = 3 - 2 c^2 - 3 c^4, so one sample's squared error has a
  // standard deviation of 0.6155. Five of those over sqrt(samples) are allowed.
  const double c2 = 2 / 3.14159265358979, mse = 1 - c2;
  const double deviation = std::sqrt(3 - 2 * c2 - 3 * c2 * c2 - mse * mse);
  CHECK(deviation == doctest::Approx(0.6155).epsilon(1e-3));
  CHECK(std::fabs(r.mse - mse) <= 5 * deviation / std::sqrt(static_cast<double>(samples)));
  CHECK(r.gap_db == doctest::Approx(10 * std::log10(r.mse / 0.25)).epsilon(1e-12));
}

TEST_CASE("gaussian: groups, stored scale and ragged end") {
  constexpr index_t samples = 65536 + 100;
  const std::uint64_t seed = 3;
  const three_signs q;
  double sum = 0;
  // 65536 is no multiple of 3, and neither is 65636: 65535 samples, 99 samples, two left over.
  for (const auto& [first, last] : {std::pair{0, 65535}, std::pair{65535, 65634}}) {
    float largest = 0;
    for (int i = first; i < last; ++i) {
      largest = std::max(largest, std::fabs(random::normal(seed, static_cast<std::uint64_t>(i))));
    }
    const float scale = to_float(to_bfloat16(largest / 4));
    for (int i = first; i < last; ++i) {
      const float x = random::normal(seed, static_cast<std::uint64_t>(i));
      const auto e = static_cast<double>(x - std::copysign(scale, x));
      sum += e * e;
    }
  }
  const auto r = gaussian(q, samples, seed);
  CHECK(r.bits == 1);
  CHECK(r.mse == doctest::Approx(sum / 65634).epsilon(1e-12));
}

TEST_CASE("gaussian: the seed decides") {
  CHECK(gaussian(sign_bit{}, 100, 1).mse == gaussian(sign_bit{}, 100, 1).mse);
  CHECK(gaussian(sign_bit{}, 100, 1).mse != gaussian(sign_bit{}, 100, 2).mse);
}

TEST_CASE("gaussian: too few samples are refused") {
  CHECK_THROWS_WITH_AS(gaussian(three_signs{}, 2, 1),
                       "gaussian: 2 samples make no point of dimension 3", error);
  CHECK_THROWS_AS(gaussian(sign_bit{}, 0, 1), error);
  CHECK_THROWS_AS(gaussian(sign_bit{}, -5, 1), error);
  CHECK_NOTHROW(gaussian(three_signs{}, 3, 1));
}

}  // namespace
