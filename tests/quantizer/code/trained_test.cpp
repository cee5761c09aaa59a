// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/simd.hpp>
#include <openquant/metric/gaussian.hpp>
#include <openquant/quantizer/code/latin.hpp>
#include <openquant/quantizer/code/trained.hpp>
#include <openquant/quantizer/trellis.hpp>

namespace {

using namespace openquant;
using quantizer::trellis;
using quantizer::code::latin;
using quantizer::code::trained;

/// The table is the latin one with its values moved: nearly sorted alike, and better on samples it
/// was not trained on.
template <int B>
void check_table(index_t samples) {
  CAPTURE(B);
  double xx = 0, yy = 0, xy = 0;
  for (std::uint32_t s = 0; s < 4096; ++s) {
    const auto x = static_cast<double>(latin::value<B, 12>(s));
    const auto y = static_cast<double>(trained::value<B, 12>(s));
    CHECK(std::fabs(y) < 5);
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  CHECK(xy / std::sqrt(xx * yy) > 0.99);
  using lanes = batch<default_arch>;
  const auto before = metric::gaussian<lanes>(trellis<B, 12, latin>{}, samples, 3);
  const auto after = metric::gaussian<lanes>(trellis<B, 12, trained>{}, samples, 3);
  CHECK(after.mse < before.mse);
}

TEST_CASE("trained: better than the code that the training started from") {
  check_table<1>(1 << 16);
  check_table<2>(1 << 15);
  check_table<3>(1 << 15);
  check_table<4>(1 << 15);
}

}  // namespace
