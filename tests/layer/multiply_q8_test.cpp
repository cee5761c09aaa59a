// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/layer/multiply_q8.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>

#include "layer/lane_types.hpp"
#include "layer/random_codes.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using quantizer::uniform;

static_assert(IntegerQuantizer<uniform<1>> && IntegerQuantizer<uniform<8>>);
static_assert(!IntegerQuantizer<uniform<3>> && !IntegerQuantizer<quantizer::lloyd_max<4>>);

/// Activations with a loud channel, a silent block and a tiny one.
matrix<float> activations(index_t tokens, index_t n) {
  matrix<float> x(tokens, n);
  for (index_t t = 0; t < tokens; ++t) {
    for (index_t j = 0; j < n; ++j) {
      const float value = random::normal(4, static_cast<std::uint64_t>(t * n + j));
      x(t, j) = j == 3 ? 50 * value : j / 32 == 1 ? 0 : j / 32 == 2 ? 1e-38f * value : value;
    }
  }
  return x;
}

/// The scale of column j's 32 columns, from its group's start on.
float block_scale(const matrix<float>& x, index_t t, index_t j, index_t group_size) {
  const index_t first = j / group_size * group_size + j % group_size / 32 * 32;
  const index_t end = std::min({first + 32, (j / group_size + 1) * group_size, x.cols()});
  float largest = 0;
  for (index_t k = first; k < end; ++k) largest = std::max(largest, std::fabs(x(t, k)));
  return largest / 127;
}

TEST_CASE("multiply_q8: bytes by hand") {
  const strip_shape<uniform<4>> shape{9, 9};
  matrix<float> x(1, 9);
  const float values[] = {127, -127, 1, 2.4f, -3, 4, 5, 6.6f, 7};
  std::copy(std::begin(values), std::end(values), x.data());
  const token_bytes<uniform<4>> bytes(x, shape);
  const std::int32_t* words = bytes.words(0, 0);
  CHECK(static_cast<std::uint32_t>(words[0]) == 0x05fd017fu);  // 127, 1, -3, 5
  CHECK(static_cast<std::uint32_t>(words[1]) == 0x07040281u);  // -127, 2, 4, 7
  CHECK(static_cast<std::uint32_t>(words[2]) == 0x00000007u);
  CHECK(words[3] == 0);
  CHECK(bytes.scales(0, 0)[0] == 1);
  CHECK(bytes.sums(0, 0)[0] == 127 - 127 + 1 + 2 - 3 + 4 + 5 + 7 + 7);
}

/// Against the product of the decoded matrix with the converted activations, in double, to the
/// roundings of floats; and with the activations themselves, to the error that is promised.
template <class Arch, int B>
void check_q8(index_t m, const strip_shape<uniform<B>>& shape) {
  using Q = uniform<B>;
  const Q q{};
  CAPTURE(B);
  const index_t n = shape.cols;
  const float unit = 0.25f;
  const packed_codes packed = random_codes(q, m, shape, 3);
  const matrix<float> w = decoded(q, packed, shape), sizes = term_sizes(q, packed, shape, w);
  const layout::lanes<16>::codes<Q> codes(q, packed, shape);
  const layout::rows::codes<Q> archive(q, packed, shape);
  for (const index_t tokens : {0, 1, 2, 3, 8, 19}) {
    CAPTURE(tokens);
    const matrix<float> x = activations(tokens, n);
    matrix<float> y(tokens, m), other(tokens, m);
    multiply_codes_q8<Arch>(codes, shape, x, unit, y.view(), serial{});
    multiply_codes_q8<Arch>(archive, shape, x, unit, other.view(), threads{3});
    CHECK(y == other);
    double rounding = 0, error = 0;
    for (index_t t = 0; t < tokens; ++t) {
      for (index_t i = 0; i < m; ++i) {
        double exact = 0, converted = 0, size = 0, promised = 0;
        for (index_t j = 0; j < n; ++j) {
          const auto weight = static_cast<double>(unit * w(i, j));
          const auto a = static_cast<double>(block_scale(x, t, j, shape.group_size));
          const auto value = static_cast<double>(x(t, j));
          const double byte = a < 1e-37 ? 0 : std::nearbyint(value / a);
          exact += weight * value;
          converted += weight * byte * a;
          size += static_cast<double>(unit * sizes(i, j)) * 127 * a;
          promised += std::fabs(weight) * a / 2;
        }
        const auto got = static_cast<double>(y(t, i));
        const double slack = static_cast<double>(n + 16) * 0x1p-24 * size;
        rounding = test::worst(rounding, std::fabs(got - converted) / slack);
        error = test::worst(error, std::fabs(got - exact) / (promised * (1 + 1e-5) + slack));
      }
    }
    CHECK(rounding <= 1);
    CHECK(error <= 1);
  }
}

TEST_CASE_TEMPLATE("multiply_q8: products of bytes, and what they may be off by", Arch,
                   baseline_arch, default_arch) {
  check_q8<Arch, 1>(17, {200, 128});
  check_q8<Arch, 2>(35, {130, 70});
  check_q8<Arch, 4>(150, {140, 128});
  check_q8<Arch, 4>(16, {75, 33});
  check_q8<Arch, 8>(20, {140, 140});
  check_q8<Arch, 8>(3, {21, 7});
}

#if defined(__AVX2__)
TEST_CASE("multiply_q8: in registers of AVX2") {
  check_q8<xsimd::avx2, 4>(35, {140, 128});
  check_q8<xsimd::avx2, 8>(20, {140, 140});
}
#endif

TEST_CASE("multiply_q8: a fraction of a percent off on normal activations") {
  using Q = uniform<4>;
  const strip_shape<Q> shape{256, 128};
  const packed_codes packed = random_codes(Q{}, 16, shape, 3);
  const matrix<float> w = decoded(Q{}, packed, shape);
  matrix<float> x(1, 256), y(1, 16);
  for (index_t j = 0; j < 256; ++j) x(0, j) = random::normal(8, static_cast<std::uint64_t>(j));
  const Q q{};
  multiply_codes_q8<default_arch>(layout::rows::codes<Q>(q, packed, shape), shape, x, 1.0f,
                                  y.view(), serial{});
  double error = 0, size = 0;
  for (index_t i = 0; i < 16; ++i) {
    double exact = 0;
    for (index_t j = 0; j < 256; ++j) {
      exact += static_cast<double>(w(i, j)) * static_cast<double>(x(0, j));
    }
    error += (static_cast<double>(y(0, i)) - exact) * (static_cast<double>(y(0, i)) - exact);
    size += exact * exact;
  }
  CHECK(std::sqrt(error / size) < 0.01);
  CHECK(error > 0);
}

}  // namespace
