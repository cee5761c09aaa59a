// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/cuda/hessian.hpp>
#include <openquant/layer/hessian.hpp>

#include "cuda/window.hpp"

namespace {

using namespace openquant;
using test::window;

/// Host memory, called device memory for kernels that run on the host, and back.
template <class T>
matrix_view<T, device> as_device(matrix_view<T> x) {
  return {x.data(), x.rows(), x.cols(), x.stride()};
}
template <class T>
matrix_view<T> as_host(matrix_view<T, device> x) {
  return {x.data(), x.rows(), x.cols(), x.stride()};
}

/// The steps of `add_moments` by the CPU's products.
struct host_steps {
  cuda::thread_order order;

  void multiply(matrix_view<const float, device> a, matrix_view<const float, device> b,
                matrix_view<float, device> c) const {
    linalg::gemm<linalg::op::transpose>(1.0f, as_host(a), as_host(b), 0.0f, as_host(c));
  }
  void square(matrix_view<const float, device> a, matrix_view<float, device> c) const {
    linalg::rank_update(as_host(a), as_host(c));
  }
  template <class Kernel>
  void launch(const Kernel& kernel, const char*) const {
    cuda::run_on_host(kernel, kernel.tiles.count(), order);
  }
};

constexpr float unread = std::numeric_limits<float>::quiet_NaN();

template <class In>
void check_sums(index_t tokens, index_t n, index_t chunk, index_t strip, index_t gap,
                cuda::thread_order order) {
  CAPTURE(tokens);
  CAPTURE(n);
  CAPTURE(chunk);
  CAPTURE(strip);
  window<In> x(tokens, n, gap, gap);
  matrix<float> wide(chunk, n + 1), products(strip, n + 2);
  for (float& p : std::span(products.data(), static_cast<std::size_t>(strip * (n + 2)))) {
    p = unread;
  }
  matrix<double> sums(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) sums(i, j) = j > i ? -7 : 0.25;
  }
  cuda::add_moments(host_steps{order}, matrix_view<const In, device>(x.view()), chunk,
                    as_device(wide.view().block(0, 0, chunk, n)),
                    as_device(products.view().block(0, 0, strip, n)), as_device(sums.view()));
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      if (j > i) {
        CHECK(sums(i, j) == -7);
        continue;
      }
      double sum = 0.25, magnitude = 0.25;
      for (index_t t = 0; t < tokens; ++t) {
        const double product = static_cast<double>(cuda::widened(x(t, i))) *
                               static_cast<double>(cuda::widened(x(t, j)));
        sum += product;
        magnitude += std::fabs(product);
      }
      CHECK(std::fabs(sums(i, j) - sum) <= static_cast<double>(chunk + 1) * 0x1p-24 * magnitude);
    }
  }
}

TEST_CASE_TEMPLATE("cuda::hessian: sums of products in chunks and strips, nothing above", In, float,
                   float16, openquant::bfloat16) {
  const auto up = cuda::thread_order::ascending, down = cuda::thread_order::descending;
  check_sums<In>(40, 1, 16, 1, 0, up);
  check_sums<In>(40, 70, 16, 70, 0, up);
  check_sums<In>(16, 70, 16, 32, 3, down);
  check_sums<In>(33, 150, 32, 64, 1, up);
  check_sums<In>(7, 131, 32, 129, 0, down);
  check_sums<In>(0, 5, 32, 5, 0, up);
}

TEST_CASE("cuda::hessian: with the CPU's chunks, the CPU's sums bit for bit") {
  constexpr index_t n = 90, tokens = 1100;
  window<float> x(tokens, n, 0, 0);
  matrix<float> products(n, n);
  matrix<double> sums(n, n), expected(n, n);
  cuda::add_moments(host_steps{cuda::thread_order::ascending},
                    matrix_view<const float, device>(x.view()), 1024, {},
                    as_device(products.view()), as_device(sums.view()));
  linalg::add_gram(as_host(x.view()), expected);
  CHECK(sums == expected);
}

TEST_CASE("cuda::hessian: the mean is the CPU's, bit for bit, and mirrored") {
  for (const index_t n : {1, 63, 64, 65, 200}) {
    for (const auto order : {cuda::thread_order::ascending, cuda::thread_order::descending}) {
      for (const index_t tokens : {0, 3}) {
        CAPTURE(n);
        CAPTURE(tokens);
        matrix<double> sums(n, n);
        for (index_t i = 0; i < n; ++i) {
          for (index_t j = 0; j < n; ++j) {
            const double value = 7.3 / static_cast<double>(1 + i + 2 * j);
            sums(i, j) = j > i ? std::numeric_limits<double>::quiet_NaN()
                               : value * (tokens == 0 ? 0.0 : 1.0);
          }
        }
        window<float> h(n, n, 5, 2), expected = h;
        const auto kernel =
            cuda::make_mean_kernel(as_device(std::as_const(sums).view()), tokens, h.view());
        cuda::run_on_host(kernel, kernel.tiles.count(), order);
        const matrix<float> mean = hessian(sums, tokens).mean();
        for (index_t i = 0; i < n; ++i) {
          for (index_t j = 0; j < n; ++j) expected(i, j) = mean(i, j);
        }
        CHECK(h.all == expected.all);
      }
    }
  }
}

TEST_CASE("cuda::hessian: refuses other shapes") {
  matrix<double> sums(4, 4);
  const matrix_view<float, device> x(nullptr, 2, 5);
  CHECK_THROWS_WITH_AS(
      cuda::add_moments(host_steps{}, matrix_view<const float, device>(x), 1024, {},
                        matrix_view<float, device>(nullptr, 4, 4), as_device(sums.view())),
      "cuda: hessian.add: x is (2, 5), the Hessian is of order 4", error);
  CHECK_THROWS_WITH_AS(cuda::make_mean_kernel(as_device(std::as_const(sums).view()), 1, x),
                       "cuda: hessian.mean: h is (2, 5), the Hessian is of order 4", error);
}

}  // namespace
