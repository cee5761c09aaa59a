// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <type_traits>
#include <utility>

#include <openquant/core/random.hpp>
#include <openquant/cuda/hessian.cuh>
#include <openquant/cuda/queue.cuh>

#include "cuda/halves.hpp"
#include "cuda/own_stream.hpp"
#include "laws/hessian_laws.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using cuda::backend, cuda::device_matrix, cuda::device_view;

static_assert(std::is_nothrow_move_constructible_v<cuda::hessian> &&
              !std::is_copy_constructible_v<cuda::hessian>);

template <class T>
matrix<T> normal(index_t rows, index_t cols) {
  matrix<T> x(rows, cols);
  for (index_t i = 0; i < rows * cols; ++i) {
    x.data()[i] = cuda::narrowed<T>(random::normal(6, static_cast<std::uint64_t>(i)));
  }
  return x;
}

template <class T>
device_matrix<T> there(const backend& on, const matrix<T>& x) {
  device_matrix<T> d(on, x.rows(), x.cols());
  cuda::copy(on, x.view(), d.view());
  return d;
}

TEST_CASE("cuda::hessian: an order that is not positive is refused") {
  CHECK_THROWS_WITH_AS(cuda::hessian(backend{}, 0), "cuda: hessian: order 0 is not positive",
                       openquant::error);
}

/// Moments that a device gathers, of rows of the host.
class on_device {
 public:
  explicit on_device(index_t n) : h_(stream_.backend(), n) {}
  void add(matrix_view<const float> x) {
    const cuda::queue d(stream_.backend());
    auto wide = d.zeros<float>(x.rows(), x.cols() + 3);  // so that its rows have a stride
    const auto rows = wide.view().block(0, 2, x.rows(), x.cols());
    d.write<float>(x, rows);
    h_.add(device_view<const float>(rows));
  }
  openquant::hessian moments() const { return h_.to_host(); }

 private:
  test::own_stream stream_;
  cuda::hessian h_;
};

TEST_SUITE("device") {
  TEST_CASE("cuda::hessian: the laws of moments") { laws::check_hessian_laws<on_device>(); }

  TEST_CASE_TEMPLATE("cuda::hessian: sums in double, within the rounding of their products", In,
                     float, float16, openquant::bfloat16) {
    const test::own_stream stream;
    const backend on = stream.backend();
    constexpr index_t tokens = 2100, n = 70;
    const matrix<In> x = normal<In>(tokens, n);
    cuda::hessian h(on, n);
    h.add(device_view<const In>(there(on, x).view()));
    h.add(device_view<const In>(there(on, x).view().block(3, 0, 40, n)));
    CHECK(h.tokens() == tokens + 40);
    const openquant::hessian moments = h.to_host();
    CHECK(moments.tokens() == tokens + 40);
    const matrix<float> f = test::widened(x);
    laws::check_mean_of_products(moments, {f, matrix<float>(f.view().block(3, 0, 40, n))});
    matrix<float> mean(n, n);
    const device_matrix<float> there_too = h.mean();
    cuda::copy(on, there_too.view(), mean.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(mean == moments.mean());
  }

  TEST_CASE("cuda::hessian: strips of large orders, and the caller's handle") {
    cublasHandle_t given = nullptr;
    cuda::check(cublasCreate(&given), "cublasCreate");
    const backend on{.cublas = given};
    constexpr index_t tokens = 8, n = 4096 + 70;
    const matrix<float> x = normal<float>(tokens, n);
    openquant::hessian expected(n);
    expected.add(x);
    cuda::hessian h(on, n);
    h.add(device_view<const float>(there(on, x).view()));
    const openquant::hessian moments = h.to_host();
    double worst = 0;
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j <= i; ++j) {
        const double scale = std::sqrt(expected(i, i) * expected(j, j));
        worst = test::worst(worst, std::fabs(moments(i, j) - expected(i, j)) / scale);
      }
    }
    CHECK(worst <= 2 * 9 * 0x1p-24);
    cuda::check(cublasDestroy(given), "cublasDestroy");
  }

  TEST_CASE("cuda::hessian: other shapes add nothing, and what is not finite is found") {
    const test::own_stream stream;
    const backend on = stream.backend();
    cuda::hessian h(on, 4);
    matrix<float> x(2, 4);
    CHECK_THROWS_WITH_AS(h.add(device_view<const float>(there(on, x).view().block(0, 0, 2, 3))),
                         "cuda: hessian.add: x is (2, 3), the Hessian is of order 4", error);
    CHECK(h.tokens() == 0);
    CHECK(h.to_host().dead_channels().size() == 4);
    x(1, 2) = std::numeric_limits<float>::infinity();
    h.add(device_view<const float>(there(on, x).view()));
    CHECK_THROWS_AS(h.to_host(), error);
  }
}

}  // namespace
