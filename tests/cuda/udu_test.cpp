// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <optional>

#include <openquant/cuda/udu.hpp>
#include <openquant/linalg/udu.hpp>

#include "cuda/window.hpp"

namespace {

using namespace openquant;
using cuda::thread_order;
using test::window;

constexpr float unread = std::numeric_limits<float>::quiet_NaN();

/// Positive definite with a damping of 1, with NaN below the diagonal, which is not to be read.
window<float> moments(index_t n, index_t gap) {
  window<float> h(n, n, gap, gap);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      if (j < i) h(i, j) = unread;
      if (j == i) h(i, j) = std::sqrt(static_cast<float>(6 * n));
    }
  }
  return h;
}

matrix_view<float> as_host(matrix_view<float, device> x) {
  return {x.data(), x.rows(), x.cols(), x.stride()};
}
matrix_view<const float, device> constant(matrix_view<float, device> x) { return x; }

/// What the CPU makes of such a matrix, of which it reads the lower triangle.
void factor_on_cpu(window<float>& h, double damping, index_t block, window<float>& u) {
  matrix<float> lower(h.rows, h.rows);
  for (index_t i = 0; i < h.rows; ++i) {
    for (index_t j = 0; j < h.rows; ++j) lower(i, j) = j > i ? unread : h(j, i);
  }
  REQUIRE(linalg::factor_udu<float, float>(lower, damping, block, as_host(u.view())) ==
          std::nullopt);
}

/// The steps on the device, with the CPU's Cholesky factorisation between them.
std::optional<index_t> factor(window<float>& h, double damping, index_t block, window<float>& u,
                              thread_order order) {
  const cuda::udu_kernels kernels =
      cuda::make_udu_kernels(constant(h.view()), damping, block, u.view());
  cuda::run_on_host(kernels.reverse, kernels.reverse.tiles.count(), order);
  const index_t n = h.rows;
  matrix<float> r(n, n);  // L^T
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j <= i; ++j) r(j, i) = u(i, j);
  }
  if (const auto pivot = linalg::cholesky(r.view())) return n - 1 - *pivot;
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j <= i; ++j) u(i, j) = r(j, i);
  }
  cuda::run_on_host(kernels.rows, kernels.rows.grid(), order);
  cuda::run_on_host(kernels.unit, kernels.unit.tiles.count(), order);
  return std::nullopt;
}

TEST_CASE("cuda::factor_udu: given L, the CPU's U bit for bit") {
  for (const auto order : {thread_order::ascending, thread_order::descending}) {
    for (const index_t d : {1, 2, 8, 12, 24, 33, 64}) {
      for (const index_t blocks : {1, 2, 3, 7, 17}) {
        const index_t n = d * blocks;
        CAPTURE(d);
        CAPTURE(n);
        window<float> h = moments(n, 3), u(n, n, 5, 2), expected = u;
        REQUIRE(factor(h, 1.0, d, u, order) == std::nullopt);
        factor_on_cpu(h, 1.0, d, expected);
        CHECK(u.all == expected.all);
      }
    }
  }
}

TEST_CASE("cuda::factor_udu: in place, more than one tile of every kind") {
  for (const index_t d : {1, 3, 8, 24}) {
    const index_t n = 360;
    window<float> h = moments(n, 0), u(n, n, 0, 0), expected = u;
    REQUIRE(factor(h, 0.5, d, u, thread_order::descending) == std::nullopt);
    factor_on_cpu(h, 0.5, d, expected);
    CHECK(u.all == expected.all);
  }
}

TEST_CASE(
    "cuda::factor_udu: the reversed matrix is damped in double, and nothing else is written") {
  for (const index_t n : {1, 64, 65, 130}) {
    window<float> h = moments(n, 1), u(n, n, 4, 1), expected = u;
    h(0, 0) = 1;
    const double damping = 0x1p-24 + 0x1p-40;  // just above half a unit of 1 in binary32
    const auto kernels = cuda::make_udu_kernels(constant(h.view()), damping, 1, u.view());
    cuda::run_on_host(kernels.reverse, kernels.reverse.tiles.count());
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < i; ++j) expected(i, j) = h(n - 1 - i, n - 1 - j);
      const double x = static_cast<double>(h(n - 1 - i, n - 1 - i));
      expected(i, i) = static_cast<float>(x + damping);
    }
    CHECK(u(n - 1, n - 1) == 1 + 0x1p-23f);
    CHECK(u.all == expected.all);
  }
}

TEST_CASE("cuda::factor_udu: the first pivot that failed, be it NaN") {
  for (const auto order : {thread_order::ascending, thread_order::descending}) {
    for (const index_t n : {1, 5, 256, 700}) {
      window<float> l(n, n, 2, 0);
      for (index_t i = 0; i < n; ++i) l(i, i) = 1 + static_cast<float>(i);
      const auto failed = [&](int said) {
        const cuda::udu_pivot_kernel kernel{l.view().data(), l.stride, n, &said};
        cuda::run_on_host(kernel, 1, order);
        return said;
      };
      CHECK(failed(0) == 0);
      CHECK(failed(static_cast<int>(n)) == n);
      CHECK(failed(-3) == -3);
      for (const float bad : {unread, 0.0f, -1.0f, std::numeric_limits<float>::infinity()}) {
        for (const index_t at : {n - 1, n / 2, index_t{0}}) {
          const float good = l(at, at), good_last = l(n - 1, n - 1);
          l(at, at) = l(n - 1, n - 1) = bad;
          CHECK(failed(0) == at + 1);
          CHECK(failed(static_cast<int>(n)) == at + 1);
          CHECK(failed(1) == 1);
          l(n - 1, n - 1) = good_last;
          l(at, at) = good;
        }
      }
    }
  }
}

TEST_CASE("cuda::factor_udu: refuses other shapes") {
  const auto call = [](index_t rows, index_t cols, index_t block, index_t u_rows, index_t u_cols) {
    cuda::make_udu_kernels(matrix_view<const float, device>(nullptr, rows, cols), 0, block,
                           matrix_view<float, device>(nullptr, u_rows, u_cols));
  };
  call(6, 6, 3, 6, 6);
  call(128, 128, 64, 128, 128);
  CHECK_THROWS_WITH_AS(call(6, 5, 2, 6, 6),
                       "cuda: factor_udu of h (6, 5) in blocks of 2 to u (6, 6)", error);
  CHECK_THROWS_AS(call(6, 6, 4, 6, 6), error);
  CHECK_THROWS_AS(call(6, 6, 0, 6, 6), error);
  CHECK_THROWS_AS(call(130, 130, 65, 130, 130), error);
  CHECK_THROWS_AS(call(6, 6, 2, 6, 8), error);
  CHECK_THROWS_AS(call(6, 6, 2, 4, 6), error);
}

}  // namespace
