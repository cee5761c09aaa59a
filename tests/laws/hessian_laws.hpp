// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/layer/hessian.hpp>

#include "layer/random_layer.hpp"

/// What whoever gathers second moments owes, on the CPU or a device: an M is made of its order, has
/// add(rows of a host matrix), and moments(), a hessian of the host.
namespace openquant::laws {

/// H is the mean of x^T x, where at most 1024 products are summed in float and the rest in double.
inline void check_mean_of_products(const hessian& h, const std::vector<matrix<float>>& parts) {
  index_t tokens = 0;
  for (const auto& x : parts) tokens += x.rows();
  REQUIRE(h.tokens() == tokens);
  REQUIRE(h.size() == parts.front().cols());
  for (index_t i = 0; i < h.size(); ++i) {
    for (index_t j = 0; j < h.size(); ++j) {
      double sum = 0, magnitude = 0;
      for (const auto& x : parts) {
        for (index_t t = 0; t < x.rows(); ++t) {
          const double product = static_cast<double>(x(t, i)) * static_cast<double>(x(t, j));
          sum += product;
          magnitude += std::fabs(product);
        }
      }
      const double bound = 1025 * 0x1p-24 * magnitude / static_cast<double>(tokens);
      CHECK(std::fabs(h(i, j) - sum / static_cast<double>(tokens)) <= bound);
      CHECK(h(i, j) == h(j, i));
    }
  }
}

template <class M>
void check_hessian_laws() {
  for (const index_t tokens : {1, 7, 600, 1024, 1300}) {
    const matrix<float> x = test::random_inputs(tokens, 20, 0.7, 1);
    M whole(20), in_parts(20);
    whole.add(x.view());
    in_parts.add(x.view().block(0, 0, tokens / 3, 20));
    in_parts.add(x.view().block(tokens / 3, 0, tokens - tokens / 3, 20));
    check_mean_of_products(whole.moments(), {x});
    check_mean_of_products(in_parts.moments(), {x});
  }
  M h(3);  // dead channels, and before the first token
  CHECK(h.moments().tokens() == 0);
  CHECK(h.moments()(0, 1) == 0);
  CHECK(h.moments().dead_channels() == std::vector<index_t>{0, 1, 2});
  matrix<float> x(2, 3);
  x(0, 1) = 2;
  h.add(x.view());
  CHECK(h.moments().dead_channels() == std::vector<index_t>{0, 2});
  CHECK(h.moments()(1, 1) == 2);  // 2^2 over two tokens
  h.add(matrix<float>(0, 3).view());
  CHECK_THROWS_AS(h.add(matrix<float>(2, 5).view()), error);  // refused, and nothing is changed
  CHECK(h.moments().tokens() == 2);
  CHECK(h.moments()(1, 1) == 2);

  const matrix<float> wide = test::random_inputs(5, 9, 0.5, 2);
  const auto part = wide.view().block(1, 2, 3, 4);  // with a stride
  M strided(4), dense(4);
  strided.add(part);
  dense.add(matrix<float>(part).view());
  const hessian a = strided.moments(), b = dense.moments();
  for (index_t i = 0; i < 4; ++i) {
    for (index_t j = 0; j < 4; ++j) CHECK(a(i, j) == b(i, j));
  }
}

}  // namespace openquant::laws
