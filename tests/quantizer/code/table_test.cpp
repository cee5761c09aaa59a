// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/core/simd.hpp>
#include <openquant/metric/gaussian.hpp>
#include <openquant/quantizer/code/table.hpp>
#include <openquant/quantizer/trellis.hpp>

namespace {

using namespace openquant;

/// A table of one's own: the eight levels of a uniform grid, over and over.
struct eight_levels {
  static std::string name() { return "eight_levels"; }
  template <int B, int L>
  static const std::uint16_t* fp16() {
    static const auto entries = [] {
      std::vector<std::uint16_t> all;
      for (int s = 0; s < 1 << L; ++s) {
        all.push_back(to_float16(0.5f * (static_cast<float>(s % 8) - 3.5f)).bits);
      }
      return all;
    }();
    return entries.data();
  }
};
using quantizer::trellis;
using quantizer::code::table;

TEST_CASE("table: a state has the value of its entry") {
  CHECK(table<eight_levels>::name() == "eight_levels");
  CHECK(table<eight_levels>::value<2, 8>(0) == -1.75f);
  CHECK(table<eight_levels>::value<2, 8>(13) == 0.75f);
}

TEST_CASE("table: one's own is a code") {
  static_assert(TileQuantizer<trellis<3, 8, table<eight_levels>>>);
  // Three bits choose any of the eight levels freely: a uniform quantizer of step 1/2, whose error
  // on N(0,1) is about 1/48 inside and the overload outside.
  const auto free =
      metric::gaussian<batch<default_arch>>(trellis<3, 8, table<eight_levels>>{}, 1 << 14, 1);
  double scalar = 0;
  for (std::uint64_t i = 0; i < 1 << 14; ++i) {
    const auto x = static_cast<double>(random::normal(1, i));
    const double level = 0.5 * (std::min(std::max(std::round(x / 0.5 + 3.5), 0.0), 7.0) - 3.5);
    scalar += (x - level) * (x - level) / (1 << 14);
  }
  CHECK(free.mse == doctest::Approx(scalar).epsilon(0.02));
}

}  // namespace
