// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <type_traits>
#include <vector>

#include <openquant/linalg/walsh_hadamard.hpp>
#include <openquant/linalg/williamson_product.hpp>

#include "core/lane_cases.hpp"
#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using linalg::diagonal;
using linalg::unscaled;
using linalg::williamson_product;
using test::normal_matrix;

/// Near the definition, and in every width the bits of one lane.
template <bool transposed, class Lanes>
void check(index_t p) {
  CAPTURE(p);
  constexpr index_t m = 172;
  const auto h = linalg::hadamard_matrix(m);
  const auto x = normal_matrix(m, p, 1), after = normal_matrix(m, p, 2);
  matrix<float> y(x.view()), scalar(x.view()), plain(x.view());
  williamson_product<transposed, Lanes>(y.data(), p, diagonal{after.data()});
  williamson_product<transposed, float>(scalar.data(), p, diagonal{after.data()});
  CHECK(y == scalar);
  williamson_product<transposed, Lanes>(plain.data(), p, unscaled{});
  bool close = true;
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < p; ++j) {
      double sum = 0, magnitude = 0;
      for (index_t k = 0; k < m; ++k) {
        const double v = static_cast<double>(x(k, j));
        sum += static_cast<double>(transposed ? h(k, i) : h(i, k)) * v, magnitude += std::fabs(v);
      }
      // A number is rounded in its sum or difference, and at most 43 times after it: for row 0
      // among 42 in a sum, and twice with others.
      const double bound = 45 * 0x1p-24 * magnitude;
      close &= std::fabs(static_cast<double>(plain(i, j)) - sum) <= bound;
    }
  }
  CHECK(close);
}

TEST_CASE_TEMPLATE("williamson_product: equals the definition, and the same bits in every width",
                   Lanes, float, batch<baseline_arch>, batch<test::middle_arch>,
                   batch<default_arch>) {
  for (const index_t p : {16, 48}) {
    check<false, Lanes>(p);
    check<true, Lanes>(p);
  }
}

TEST_CASE("williamson_product: of rows transformed on the way, the bits of one after the other") {
  using lanes = batch<default_arch>;
  constexpr index_t m = 172, p = 4 * lane_count<lanes>;
  const auto x = normal_matrix(m, p, 4), before = normal_matrix(m, p, 5);
  const auto after = normal_matrix(m, p, 6);
  const auto same = [&]<bool transposed>(std::bool_constant<transposed>) {
    matrix<float> y(x.view()), expected(x.view());
    linalg::williamson_transform<transposed, lanes>(y.data(), diagonal{before.data()},
                                                    diagonal{after.data()}, 0);
    for (index_t i = 0; i < m; ++i) {
      linalg::walsh_hadamard_scalar(expected.row(i), diagonal{before.row(i).data()});
    }
    williamson_product<transposed, float>(expected.data(), p, diagonal{after.data()});
    return y == expected;
  };
  CHECK(same(std::false_type{}));
  CHECK(same(std::true_type{}));
}

TEST_CASE("williamson_product: any address, and nothing outside the rows") {
  constexpr index_t m = 172, p = 16;
  const auto x = normal_matrix(m, p, 3);
  matrix<float> expected(x.view());
  williamson_product<false, float>(expected.data(), p, unscaled{});
  for (index_t offset = 1; offset < 4; ++offset) {
    std::vector<float> frame(static_cast<std::size_t>(m * p + 4), 7.0f);
    float* const at = frame.data() + offset;
    for (index_t i = 0; i < m * p; ++i) at[i] = x.data()[i];
    williamson_product<false, batch<default_arch>>(at, p, unscaled{});
    index_t different = 0;
    for (index_t i = -offset; i < m * p + 4 - offset; ++i) {
      const bool inside = i >= 0 && i < m * p;
      different += at[i] != (inside ? expected.data()[i] : 7.0f);
    }
    CHECK(different == 0);
  }
}

}  // namespace
