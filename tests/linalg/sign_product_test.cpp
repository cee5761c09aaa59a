// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/linalg/sign_product.hpp>

#include "core/lane_cases.hpp"
#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using linalg::diagonal;
using linalg::sign_product;
using linalg::unscaled;
using test::normal_matrix;

/// Any signs will do: nothing here needs orthogonal rows.
matrix<float> signs(index_t m, std::uint64_t seed) {
  matrix<float> h(m, m);
  for (index_t i = 0; i < m * m; ++i) {
    h.data()[i] = random::sign(seed, static_cast<std::uint64_t>(i));
  }
  return h;
}

TEST_CASE_TEMPLATE("sign_product: equals the definition, and the same bits in every width", Lanes,
                   float, batch<baseline_arch>, batch<test::middle_arch>, batch<default_arch>) {
  for (const index_t m : {4, 8, 12, 28, 60, 64, 172}) {  // from 64 on in parts
    for (const index_t p : {16, 48}) {
      CAPTURE(m);
      CAPTURE(p);
      const auto h = signs(m, 1);
      const auto x = normal_matrix(m, p, 2);
      matrix<float> y(x.view()), scalar(x.view());
      const sign_product product(h);
      product.apply<Lanes>(y.data(), p, unscaled{});
      product.apply<float>(scalar.data(), p, unscaled{});
      CHECK(y == scalar);
      bool close = true;
      for (index_t i = 0; i < m; ++i) {
        for (index_t j = 0; j < p; ++j) {
          double sum = 0, magnitude = 0;
          for (index_t k = 0; k < m; ++k) {
            const double v = static_cast<double>(x(k, j));
            sum += static_cast<double>(h(i, k)) * v, magnitude += std::fabs(v);
          }
          // A term is rounded twice in its table and at most m / 4 times after it.
          const double bound = static_cast<double>(m / 4 + 2) * 0x1p-24 * magnitude;
          close &= std::fabs(static_cast<double>(y(i, j)) - sum) <= bound;
        }
      }
      CHECK(close);
    }
  }
}

TEST_CASE("sign_product: what comes after is by coordinate") {
  constexpr index_t m = 8, p = 16;
  const auto h = signs(m, 3);
  const auto x = normal_matrix(m, p, 4), d = normal_matrix(m, p, 5);
  matrix<float> plain(x.view()), after(x.view());
  const sign_product product(h);
  product.apply<batch<default_arch>>(plain.data(), p, unscaled{});
  product.apply<batch<default_arch>>(after.data(), p, diagonal{d.data()});
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < p; ++j) CHECK(after(i, j) == plain(i, j) * d(i, j));
  }
}

}  // namespace
