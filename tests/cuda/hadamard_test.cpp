// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/cuda/hadamard.hpp>
#include <openquant/linalg/walsh_hadamard.hpp>

#include "cuda/window.hpp"

namespace {

using namespace openquant;
using cuda::factors;
using test::window;

template <class In, class Out>
void check(index_t n, index_t per_row, index_t rows, index_t gap, index_t offset, bool diagonals,
           cuda::thread_order order) {
  CAPTURE(n);
  CAPTURE(per_row);
  CAPTURE(rows);
  CAPTURE(gap);
  CAPTURE(offset);
  const index_t cols = n * per_row;
  window<In> x(rows, cols, gap, offset);
  window<Out> y(rows, cols, gap, offset), expected = y;
  std::vector<float> d1, d2;
  for (index_t j = 0; j < cols; ++j) {
    d1.push_back(random::sign(1, static_cast<std::uint64_t>(j)));
    d2.push_back(random::sign(2, static_cast<std::uint64_t>(j)) / std::sqrt(static_cast<float>(n)));
  }
  const factors before = diagonals ? factors{d1.data()} : factors{nullptr, 0.75f};
  const factors after = diagonals ? factors{d2.data()} : factors{nullptr, 1.25f};
  cuda::with_hadamard_kernel(matrix_view<const In, device>(x.view()), y.view(), n, before, after,
                             [&](const auto& k) { cuda::run_on_host(k, k.grid(), order); });

  std::vector<float> row(static_cast<std::size_t>(n));
  for (index_t i = 0; i < rows; ++i) {
    for (index_t b = 0; b < cols; b += n) {
      for (index_t j = 0; j < n; ++j) row[static_cast<std::size_t>(j)] = cuda::widened(x(i, b + j));
      if (diagonals) {
        linalg::walsh_hadamard_scalar(std::span(row), linalg::diagonal{d1.data() + b},
                                      linalg::diagonal{d2.data() + b});
      } else {
        linalg::walsh_hadamard_scalar(std::span(row), linalg::scaled{0.75f}, linalg::scaled{1.25f});
      }
      for (index_t j = 0; j < n; ++j) {
        expected(i, b + j) = cuda::narrowed<Out>(row[static_cast<std::size_t>(j)]);
      }
    }
  }
  CHECK(y.all == expected.all);  // what lies between the rows as well
}

TEST_CASE("cuda::hadamard: the bits of the CPU's transform, every order") {
  for (index_t n = 2; n <= 16384; n *= 2) {
    for (const auto order : {cuda::thread_order::ascending, cuda::thread_order::descending}) {
      check<float, float>(n, 1, 3, 0, 0, true, order);
      check<float, float>(n, 1, 1, 0, 0, false, order);
    }
  }
}

TEST_CASE("cuda::hadamard: ragged numbers of rows, strides and places") {
  const auto order = cuda::thread_order::descending;
  for (const index_t n : {2, 4, 8, 64, 256, 512, 2048, 4096}) {
    for (const index_t rows : {1, 5, 40}) {
      check<float, float>(n, 1, rows, 4, 4, true, order);
      check<float, float>(n, 1, rows, 3, 0, true, order);
      check<float, float>(n, 3, rows, 0, 1, true, order);
      check<float, float>(n, 5, rows, 1, 0, false, order);
    }
  }
}

TEST_CASE_TEMPLATE("cuda::hadamard: halves in, halves out", T, float16, bfloat16) {
  const auto order = cuda::thread_order::ascending;
  for (const index_t n : {2, 8, 128, 512, 8192}) {
    check<T, T>(n, 1, 5, 0, 0, true, order);
    check<T, float>(n, 3, 2, 8, 8, true, order);
    check<float, T>(n, 2, 3, 1, 0, false, order);
  }
}

TEST_CASE("cuda::hadamard: may write where it reads") {
  for (const index_t n : {64, 1024}) {
    window<float> x(3, n, 0, 0), y = x;
    const auto run = [](const auto& k) { cuda::run_on_host(k, k.grid()); };
    cuda::with_hadamard_kernel(matrix_view<const float, device>(x.view()), y.view(), n, {}, {},
                               run);
    cuda::with_hadamard_kernel(matrix_view<const float, device>(x.view()), x.view(), n, {}, {},
                               run);
    CHECK(x.all == y.all);
  }
}

TEST_CASE("cuda::hadamard: refuses what it cannot do") {
  window<float> x(2, 12, 0, 0), other(2, 8, 0, 0);
  const auto run = [](const auto&) { FAIL("a kernel for what was to be refused"); };
  const auto call = [&](matrix_view<float, device> y, index_t n) {
    cuda::with_hadamard_kernel(matrix_view<const float, device>(x.view()), y, n, {}, {}, run);
  };
  CHECK_THROWS_WITH_AS(call(x.view(), 12),
                       "cuda: hadamard of order 12, which is no power of two from 2 to 16384",
                       error);
  CHECK_THROWS_AS(call(x.view(), 1), error);
  CHECK_THROWS_AS(call(x.view(), 32768), error);
  CHECK_THROWS_WITH_AS(call(x.view(), 8), "cuda: hadamard of order 8 of x (2, 12) to y (2, 12)",
                       error);
  CHECK_THROWS_AS(call(other.view(), 4), error);
}

}  // namespace
