// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <memory>

#include <openquant/linalg/walsh_hadamard.hpp>
#include <openquant/linalg/williamson_terms.hpp>

#include "core/lane_cases.hpp"
#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using linalg::williamson_columns;
using linalg::williamson_terms;
namespace williamson = linalg::williamson;
constexpr index_t m = 172, order = 43;

TEST_CASE_TEMPLATE("williamson_terms: sums and differences of x_j and x_-j, and of the x_0", Lanes,
                   float, batch<baseline_arch>, batch<test::middle_arch>, batch<default_arch>) {
  constexpr index_t lanes = lane_count<Lanes>, p = 2 * lanes;
  const auto x = test::normal_matrix(m, p, 1);
  williamson_terms<false, Lanes, 1> terms;
  for (index_t first = 0; first < p; first += lanes) {
    terms.read(x.data() + first, p);
    const williamson_columns of = terms.strip(0);
    bool same = true;
    for (index_t l = 0; l < lanes; ++l) {
      const auto at = [&](index_t c, index_t j) { return x(c * order + j, first + l); };
      for (index_t k = 0; k < 21; ++k) {
        const index_t j = williamson::places[static_cast<std::size_t>(k)];
        for (index_t c = 0; c < 4; ++c) {
          same &= of.half[0][(4 * k + c) * lanes + l] == at(c, j) + at(c, order - j);
          same &= of.half[1][(4 * k + c) * lanes + l] == at(c, j) - at(c, order - j);
        }
      }
      for (std::size_t r = 0; r < williamson::rows; ++r) {  // what block a of row r begins with
        for (std::size_t a = 0; a < 4; ++a) {
          double sum = 0, magnitude = 0;
          for (std::size_t c = 0; c < 4; ++c) {
            const auto v = static_cast<double>(at(static_cast<index_t>(c), 0));
            const std::size_t i = williamson::coordinate(r, 0);
            sum += static_cast<double>(williamson::entry<false>(a, c, i)) * v;
            magnitude += std::fabs(v);
          }
          const float start = of.start[williamson::start<false>[r][a] * lanes + l];
          same &= std::fabs(static_cast<double>(start) - sum) <= 0x1p-22 * magnitude;
        }
      }
    }
    CHECK(same);
  }
}

TEST_CASE_TEMPLATE("williamson_terms: of rows transformed on the way, those of transformed rows",
                   Lanes, batch<baseline_arch>, batch<test::middle_arch>, batch<default_arch>) {
  constexpr index_t lanes = lane_count<Lanes>, strips = 4, p = strips * lanes;
  const auto x = test::normal_matrix(m, p, 2), before = test::normal_matrix(m, p, 3);
  matrix<float> rows(x.view());
  for (index_t i = 0; i < m; ++i) {
    linalg::walsh_hadamard_scalar(rows.row(i), linalg::diagonal{before.row(i).data()});
  }
  const auto all = std::make_unique<williamson_terms<true, Lanes, strips>>();
  williamson_terms<true, Lanes, 1> one;
  for (const index_t distance : {0, 16}) {
    all->transform(x.data(), linalg::diagonal{before.data()}, distance);
    for (index_t t = 0; t < strips; ++t) {
      one.read(rows.data() + t * lanes, p);
      const williamson_columns a = all->strip(t), b = one.strip(0);
      bool same = true;
      for (index_t i = 0; i < 84 * lanes; ++i) {
        same &= a.half[0][i] == b.half[0][i] && a.half[1][i] == b.half[1][i];
      }
      for (index_t i = 0; i < 12 * lanes; ++i) same &= a.start[i] == b.start[i];
      CHECK(same);
    }
  }
}

}  // namespace
