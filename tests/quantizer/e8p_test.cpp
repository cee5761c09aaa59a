// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include <openquant/quantizer/e8p.hpp>

#include "laws/quantizer_laws.hpp"

namespace {

using namespace openquant;
using quantizer::e8p;
using quantizer::gaussian_fit;

TEST_CASE("e8p: laws") {
  laws::check_quantizer_laws(e8p<2>{});
  laws::check_quantizer_laws(e8p<2>{.fit_by = gaussian_fit::norm});
  laws::check_quantizer_laws(e8p<2>{.fit_by = gaussian_fit::mse});
}

/// Mean squared error on N(0,1) with sigma = 1, apart from `expected` by four standard errors at
/// most.
template <class Q>
void check_gaussian(double expected) {
  using T = batch<default_arch>;
  constexpr index_t lanes = lane_count<T>, samples = index_t{1} << 16;
  const Q q;
  double sum = 0, squares = 0;
  for (index_t i = 0; i < samples; i += lanes) {
    vec<T, 8> x;
    for (index_t k = 0; k < 8; ++k) {
      float lane[lanes];
      for (index_t l = 0; l < lanes; ++l) {
        lane[l] = random::normal(21, static_cast<std::uint64_t>((i + l) * 8 + k));
      }
      x[k] = load<T>(lane);
    }
    const vec<T, 1> sigma{T(1.0f)};
    float error[lanes];
    store(squared_norm(x - q.decode(q.encode(x, sigma), sigma)), error);
    for (const float value : error) {
      const double e = static_cast<double>(value) / 8;
      sum += e, squares += e * e;
    }
  }
  const double mean = sum / static_cast<double>(samples);
  const double deviation = std::sqrt((squares / static_cast<double>(samples) - mean * mean) /
                                     static_cast<double>(samples));
  CAPTURE(Q::name());
  CAPTURE(mean);
  CAPTURE(deviation);
  CHECK(std::fabs(mean - expected) <= 4 * deviation);
  CHECK(deviation <= 0.004 * expected);
}

TEST_CASE("e8p: the docstring's errors on N(0,1)") { check_gaussian<e8p<2>>(.0913); }

TEST_CASE("e8p: without a scale there is nothing to store") {
  const e8p<2> q{.fit_by = gaussian_fit::none};
  CHECK(q.scale_bits() == 0);
  CHECK(q.pack({1.0f}) == 0);
  CHECK(q.unpack(0)[0] == 1.0f);
  const std::vector<float> x(16, 3.0f);
  CHECK(q.fit(group_view<float>(x.data(), 1, 16))[0] == 1.0f);
  CHECK(e8p<2>{}.scale_bits() == 16);
  CHECK(e8p<2>::name() == "e8p<2>");
  CHECK(e8p<2>::code_bits == 16);
}

}  // namespace
