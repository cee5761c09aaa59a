// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/transpose.hpp>

#include "cuda/on_device.hpp"
#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using cuda::thread_order;
using test::on_device;

TEST_CASE("cuda::transpose: of any shape, into a window of which nothing else changes") {
  for (const auto& [m, n] : {std::pair<index_t, index_t>{1, 1}, {64, 64}, {70, 130}, {3, 200}}) {
    const matrix<float> a = test::normal_matrix(m, n, 5);
    matrix<float> all(n + 2, m + 3), expected(n + 2, m + 3);
    for (index_t i = 0; i < m; ++i) {
      for (index_t j = 0; j < n; ++j) expected(1 + j, 2 + i) = a(i, j);
    }
    const auto kernel = cuda::make_transpose_kernel(on_device(a), on_device(all).block(1, 2, n, m));
    cuda::run_on_host(kernel, kernel.grid(), thread_order::descending);
    CHECK(all == expected);
  }
}

TEST_CASE("cuda::transpose: twice in the order of blocks, both sides of a symmetric matrix") {
  const index_t n = 72, d = 8, order[] = {3, 8, 0, 1, 7, 6, 2, 5, 4};
  matrix<float> h = test::normal_matrix(n, n, 5), half(n, n), found(n, n), expected(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < i; ++j) h(j, i) = h(i, j);
  }
  for (index_t p = 0; p < n; ++p) {
    for (index_t q = 0; q < n; ++q) {
      expected(p, q) = h(order[p / d] * d + p % d, order[q / d] * d + q % d);
    }
  }
  const auto turn = [&](const matrix<float>& from, matrix<float>& to) {
    const auto kernel = cuda::make_transpose_kernel(on_device(from), on_device(to), {order, d});
    cuda::run_on_host(kernel, kernel.grid());
  };
  turn(h, half);
  turn(half, found);
  CHECK(found == expected);
}

TEST_CASE("cuda::transpose: refuses other shapes") {
  matrix<float> a(2, 3), b(2, 3);
  CHECK_THROWS_WITH_AS(cuda::make_transpose_kernel(on_device(a), on_device(b)),
                       "cuda: transpose of a (2, 3) matrix to one of (2, 3)", error);
}

}  // namespace
