// SPDX-License-Identifier: Apache-2.0
#include "llm/nonlinear.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>

namespace oq = openquant;
using oq::index_t;

namespace {

/// A window of a wider matrix, so that rows are not next to each other.
struct strided {
  strided(index_t rows, index_t cols, std::uint64_t seed) : all(rows, cols + 3), cols_(cols) {
    for (index_t i = 0; i < rows * (cols + 3); ++i) {
      all.data()[i] = 3 * oq::random::normal(seed, static_cast<std::uint64_t>(i));
    }
  }
  oq::matrix_view<float> view() { return all.view().block(0, 2, all.rows(), cols_); }

  oq::matrix<float> all;
  index_t cols_;
};

double error(float found, double expected) {
  return std::fabs(static_cast<double>(found) - expected) / std::max(1.0, std::fabs(expected));
}

}  // namespace

TEST_CASE("nonlinear: rms_norm, softmax and swiglu equal scalar code in double at every width") {
  // At most 100 roundings: sums of 67 terms, an exponential good to a few last bits.
  constexpr double bound = 100 * 0x1p-24;
  for (index_t n = 1; n <= 67; ++n) {
    CAPTURE(n);
    strided x(2, n, 1), up(2, n, 2), out(2, n, 3);
    const oq::matrix<float> before(oq::matrix_view<const float>(x.view()));
    const std::vector<float> weight(up.view().row(0).begin(), up.view().row(0).end());
    llm::rms_norm(x.view(), weight, 1e-3f, out.view());
    for (index_t i = 0; i < 2; ++i) {
      double mean = 0, total = 0;
      for (const float v : before.row(i)) {
        const auto value = static_cast<double>(v);
        mean += value * value / static_cast<double>(n);
        total += std::exp(value);
      }
      oq::matrix<float> row(before.view().block(i, 0, 1, n));
      llm::softmax(row.row(0));
      for (index_t j = 0; j < n; ++j) {
        const auto value = static_cast<double>(before(i, j));
        const auto w = static_cast<double>(weight[static_cast<std::size_t>(j)]);
        CHECK(error(out.view()(i, j), value / std::sqrt(mean + 1e-3) * w) < bound);
        CHECK(error(row(0, j), std::exp(value) / total) < bound);
      }
    }
    llm::swiglu(x.view(), up.view());
    for (index_t i = 0; i < 2; ++i) {
      for (index_t j = 0; j < n; ++j) {
        const auto g = static_cast<double>(before(i, j));
        const auto u = static_cast<double>(up.view()(i, j));
        CHECK(error(x.view()(i, j), g / (1 + std::exp(-g)) * u) < bound);
      }
    }
  }
}

TEST_CASE("nonlinear: rms_norm in place") {
  strided x(3, 21, 1), out(3, 21, 2);
  const std::vector<float> weight(21, 0.5f);
  llm::rms_norm(x.view(), weight, 1e-6f, out.view());
  llm::rms_norm(x.view(), weight, 1e-6f, x.view());
  for (index_t i = 0; i < 3; ++i) {
    CHECK(std::ranges::equal(x.view().row(i), out.view().row(i)));
  }
}

TEST_CASE("nonlinear: numbers far out do not overflow") {
  std::vector<float> x(19, 1000);
  x[3] = -1000, x[18] = -3e38f;
  llm::softmax(std::span(x));
  CHECK(x[0] == doctest::Approx(1 / 17.0));
  CHECK(x[3] == 0);
  CHECK(x[18] == 0);

  oq::matrix<float> gate(1, 19), up(1, 19);
  for (index_t j = 0; j < 19; ++j) gate(0, j) = j % 2 == 0 ? 200.0f : -200.0f, up(0, j) = 2;
  llm::swiglu(gate, up);
  for (index_t j = 0; j < 19; ++j) CHECK(gate(0, j) == (j % 2 == 0 ? 400.0f : 0.0f));
}
