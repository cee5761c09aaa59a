// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/core/random.hpp>
#include <openquant/cuda/blas.cuh>

#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;
using cuda::backend, cuda::device_matrix;
using linalg::op;

matrix<float> normal(index_t rows, index_t cols, std::uint64_t seed) {
  matrix<float> x(rows, cols);
  for (index_t i = 0; i < rows * cols; ++i) {
    x.data()[i] = random::normal(seed, static_cast<std::uint64_t>(i));
  }
  return x;
}

device_matrix<float> there(const backend& on, const matrix<float>& x) {
  device_matrix<float> d(on, x.rows(), x.cols());
  cuda::copy(on, x.view(), d.view());
  return d;
}

matrix<float> back(const backend& on, const device_matrix<float>& d) {
  matrix<float> x(d.rows(), d.cols());
  cuda::copy(on, d.view(), x.view());
  cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
  return x;
}

template <op A, op B, class On>
void check_product(const On& by, const backend& on, index_t m, index_t n, index_t k, float beta) {
  CAPTURE(k);
  CAPTURE(beta);
  const matrix<float> a = A == op::none ? normal(m, k, 1) : normal(k, m, 1);
  const matrix<float> b = B == op::none ? normal(k, n, 2) : normal(n, k, 2);
  const matrix<float> c = normal(m, n, 3);
  const auto da = there(on, a), db = there(on, b);
  auto dc = there(on, c);
  cuda::multiply_add<A, B>(by, 1.5f, da, db, beta, dc);
  const matrix<float> result = back(on, dc);
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < n; ++j) {
      double sum = static_cast<double>(beta) * static_cast<double>(c(i, j));
      double size = std::fabs(sum);
      for (index_t t = 0; t < k; ++t) {
        const double term = 1.5 * static_cast<double>(A == op::none ? a(i, t) : a(t, i)) *
                            static_cast<double>(B == op::none ? b(t, j) : b(j, t));
        sum += term;
        size += std::fabs(term);
      }
      const double bound = static_cast<double>(k + 3) * 0x1p-24 * size;  // tf32 is far outside
      CHECK(std::fabs(static_cast<double>(result(i, j)) - sum) <= bound);
    }
  }
}

TEST_CASE("cuda::multiply_add: shapes are refused before a handle is made, and none is nothing") {
  float x = 0;
  const auto view = [&](index_t rows, index_t cols) {
    return cuda::device_view<float>(&x, rows, cols);
  };
  CHECK_THROWS_WITH_AS(cuda::multiply_add(backend{}, 1, view(2, 3), view(5, 4), 0, view(2, 4)),
                       "cuda: multiply_add: (2, 3) times (5, 4) into (2, 4)", error);
  CHECK_THROWS_WITH_AS(cuda::rank_update(backend{}, 1, view(7, 3), 0, view(3, 4)),
                       "cuda: rank_update: x is (7, 3), c is (3, 4)", error);
  cuda::multiply_add(backend{}, 1, view(0, 3), view(3, 4), 0, view(0, 4));
  cuda::rank_update(backend{}, 1, view(7, 0), 0, view(0, 0));
}

TEST_SUITE("device") {
  TEST_CASE("cuda::multiply_add: sums in double, within the rounding of binary32") {
    const test::own_stream stream;
    const backend on = stream.backend();
    const cuda::cublas_handle blas(on);
    for (const float beta : {0.0f, 1.0f, -0.5f}) {
      for (const index_t k : {0, 1, 300}) {
        check_product<op::none, op::none>(blas, on, 33, 65, k, beta);
        check_product<op::none, op::transpose>(blas, on, 33, 65, k, beta);
        check_product<op::transpose, op::none>(blas, on, 33, 65, k, beta);
        check_product<op::transpose, op::transpose>(blas, on, 33, 65, k, beta);
      }
    }
    check_product<op::none, op::none>(on, on, 1, 65, 40, 0.5f);
  }

  TEST_CASE("cuda::rank_update: on and below the diagonal, nothing above") {
    const test::own_stream stream;
    const backend on = stream.backend();
    const matrix<float> x = normal(70, 45, 4), c = normal(45, 45, 5);
    auto dc = there(on, c);
    cuda::rank_update(on, 2.0f, there(on, x), 0.5f, dc);
    const matrix<float> result = back(on, dc);
    for (index_t i = 0; i < 45; ++i) {
      for (index_t j = 0; j < 45; ++j) {
        if (j > i) {
          CHECK(result(i, j) == c(i, j));
          continue;
        }
        double sum = 0.5 * static_cast<double>(c(i, j)), size = std::fabs(sum);
        for (index_t t = 0; t < 70; ++t) {
          const double term = 2 * static_cast<double>(x(t, i)) * static_cast<double>(x(t, j));
          sum += term;
          size += std::fabs(term);
        }
        CHECK(std::fabs(static_cast<double>(result(i, j)) - sum) <= 73 * 0x1p-24 * size);
      }
    }
  }
}

}  // namespace
