// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/linalg/paley_product.hpp>
#include <openquant/linalg/sign_product.hpp>

#include "core/lane_cases.hpp"
#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using linalg::diagonal;
using linalg::paley_product;
using test::normal_matrix;

/// The written-out product gives the bits of the one from tables, and is near the definition.
template <index_t m, bool transposed, class Lanes>
void check(index_t p) {
  CAPTURE(m);
  CAPTURE(p);
  const auto h = linalg::hadamard_matrix(m);
  matrix<float> factor(m, m);
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < m; ++j) factor(i, j) = transposed ? h(j, i) : h(i, j);
  }
  const auto x = normal_matrix(m, p, 1), after = normal_matrix(m, p, 2);
  matrix<float> y(x.view()), from_tables(x.view()), plain(x.view());
  paley_product<m, transposed, Lanes>(y.data(), p, diagonal{after.data()});
  linalg::sign_product(factor).apply<float>(from_tables.data(), p, diagonal{after.data()});
  CHECK(y == from_tables);
  paley_product<m, transposed, Lanes>(plain.data(), p, linalg::unscaled{});
  bool close = true;
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < p; ++j) {
      double sum = 0, magnitude = 0;
      for (index_t k = 0; k < m; ++k) {
        const double v = static_cast<double>(x(k, j));
        sum += static_cast<double>(factor(i, k)) * v, magnitude += std::fabs(v);
      }
      const double bound = static_cast<double>(m / 4 + 2) * 0x1p-24 * magnitude;
      close &= std::fabs(static_cast<double>(plain(i, j)) - sum) <= bound;
    }
  }
  CHECK(close);
}

TEST_CASE_TEMPLATE("paley_product: equals the definition, and the same bits in every width", Lanes,
                   float, batch<baseline_arch>, batch<test::middle_arch>, batch<default_arch>) {
  for (const index_t p : {16, 48}) {
    check<4, false, Lanes>(p);
    check<12, false, Lanes>(p);
    check<12, true, Lanes>(p);
    check<20, false, Lanes>(p);
    check<20, true, Lanes>(p);
    check<28, false, Lanes>(p);
    check<28, true, Lanes>(p);
    check<44, false, Lanes>(p);
    check<44, true, Lanes>(p);
  }
}

TEST_CASE("paley_product: the second construction is symmetric, the first is not") {
  CHECK(linalg::paley_terms<28, false> == linalg::paley_terms<28, true>);
  CHECK(linalg::paley_terms<12, false> != linalg::paley_terms<12, true>);
}

}  // namespace
