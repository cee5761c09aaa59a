// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/core/random.hpp>
#include <openquant/cuda/udu.cuh>

#include "cuda/own_stream.hpp"
#include "linalg/middle.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using cuda::backend, cuda::device_matrix, cuda::device_view;

/// X^T X / tokens, twice as many tokens as channels.
matrix<double> second_moments(index_t n) {
  matrix<double> h(n, n);
  for (index_t t = 0; t < 2 * n; ++t) {
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        const auto draw = [&](index_t k) {
          return static_cast<double>(random::normal(7, static_cast<std::uint64_t>(t * n + k)));
        };
        h(i, j) += draw(i) * draw(j) / static_cast<double>(2 * n);
      }
    }
  }
  return h;
}

std::optional<index_t> factor(const backend& on, const matrix<float>& h, double damping,
                              index_t block, matrix<float>& u) {
  const index_t n = h.rows();
  device_matrix<float> there(on, n, n), factors(on, n, n);
  cuda::copy(on, h.view(), there.view());
  const auto pivot = cuda::factor_udu(on, there, damping, block, factors);
  cuda::copy(on, factors.view(), u.view());
  cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
  return pivot;
}

TEST_CASE("cuda::factor_udu: shapes are refused before anything is asked of a device") {
  const device_view<const float> h(nullptr, 6, 6);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(cuda::factor_udu(backend{}, h, 0.0, 4, device_view<float>(nullptr, 6, 6))),
      "cuda: factor_udu of h (6, 6) in blocks of 4 to u (6, 6)", error);
  CHECK(cuda::factor_udu(backend{}, device_view<const float>{}, 0.0, 4, device_view<float>{}) ==
        std::nullopt);
}

TEST_SUITE("device") {
  TEST_CASE("cuda::factor_udu: U is that of a matrix n 2^-24 of the diagonal away") {
    const test::own_stream stream;
    const backend on = stream.backend();
    for (const index_t block : {1, 8, 24}) {
      for (const index_t n : {24, 240}) {
        CAPTURE(block);
        CAPTURE(n);
        const double damping = 0.01;
        matrix<double> h = second_moments(n);
        matrix<float> rounded(n, n), u(n, n);
        for (index_t i = 0; i < n * n; ++i) {
          rounded.data()[i] = static_cast<float>(h.data()[i]);
          h.data()[i] = static_cast<double>(rounded.data()[i]);
        }
        REQUIRE(factor(on, rounded, damping, block, u) == std::nullopt);
        const auto d = test::middle(h, damping, u);
        double largest = 0;
        for (index_t i = 0; i < n; ++i) {
          for (index_t j = 0; j < n; ++j) {
            if (j < i / block * block) CHECK(u(i, j) == 0);
            if (i / block == j / block) {
              CHECK(u(i, j) == (i == j ? 1 : 0));
              continue;
            }
            largest = test::worst(largest, std::fabs(d(i, j)) / std::sqrt(d(i, i) * d(j, j)));
          }
        }
        CHECK(largest <= static_cast<double>(n) * 0x1p-24 * 10);
      }
    }
  }

  TEST_CASE("cuda::factor_udu: the failed pivot is named, with the caller's handle and its own") {
    cusolverDnHandle_t given = nullptr;
    cuda::check(cusolverDnCreate(&given), "cusolverDnCreate");
    for (const backend on : {backend{}, backend{.cusolver = given}}) {
      for (const index_t bad : {0, 3, 5, 150}) {
        for (const index_t n : {6, 200}) {
          if (bad >= n) continue;
          matrix<float> h(n, n), u(n, n);
          for (index_t i = 0; i < n; ++i) h(i, i) = 1;
          h(bad, bad) = -0.5f;
          CHECK(factor(on, h, 0, 1, u) == bad);
          CHECK(factor(on, h, 0.75, 1, u) == std::nullopt);
          h(bad, bad) = std::numeric_limits<float>::quiet_NaN();
          CHECK(factor(on, h, 0, 1, u) == bad);
        }
      }
    }
    cuda::check(cusolverDnDestroy(given), "cusolverDnDestroy");
  }
}

}  // namespace
