// SPDX-License-Identifier: Apache-2.0
#include <openquant/equalizer/smoothquant.hpp>

#include "laws/equalizer_laws.hpp"

namespace {

using openquant::equalizer::smoothquant;
namespace laws = openquant::laws;

TEST_CASE("smoothquant: laws") {
  for (const float alpha : {0.0f, 0.15f, 0.5f, 1.0f}) {
    laws::check_equalizer_laws(smoothquant{.alpha = alpha});
  }
}

TEST_CASE("smoothquant: by hand") {
  // The geometric mean of 1, 4, 16 is 4; with alpha = 1/2 the scales are 1/2, 1, 2.
  const std::vector<float> s = smoothquant{.alpha = 0.5f}.scales(std::vector<float>{1, 4, 16});
  REQUIRE(s.size() == 3);
  CHECK(s[0] == doctest::Approx(0.5));
  CHECK(s[1] == doctest::Approx(1));
  CHECK(s[2] == doctest::Approx(2));
}

TEST_CASE("smoothquant: dead channels have the scale 1 and no part in the mean") {
  const smoothquant e{.alpha = 0.5f};
  const std::vector<float> s = e.scales(std::vector<float>{0, 1, 4, 0, 16});
  CHECK(s[0] == 1);
  CHECK(s[3] == 1);
  CHECK(laws::nearly_equal({s[1], s[2], s[4]}, e.scales(std::vector<float>{1, 4, 16})));
}

TEST_CASE("smoothquant: alpha 0 changes nothing") {
  for (const float value : smoothquant{.alpha = 0}.scales(std::vector<float>{1, 4, 16, 0})) {
    CHECK(value == 1);
  }
}

TEST_CASE("smoothquant: moments of the whole range of float give finite scales at the default") {
  const std::vector<float> s = smoothquant{}.scales(std::vector<float>{1e-38f, 1e-38f, 1e38f});
  // log10 of the mean is -38 / 3, so the scales are 10^(0.15 (-76 / 3)) and 10^(0.15 (152 / 3)).
  CHECK(s[0] == doctest::Approx(std::pow(10, -3.8)).epsilon(1e-4));
  CHECK(s[2] == doctest::Approx(std::pow(10, 7.6)).epsilon(1e-4));
  CHECK(smoothquant::name() == "smoothquant");
}

}  // namespace
