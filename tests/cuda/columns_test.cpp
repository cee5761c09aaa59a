// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <openquant/cuda/columns.hpp>

#include "cuda/on_device.hpp"
#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using cuda::arithmetic;
using test::on_device;

TEST_CASE("cuda::columns: times and over, by a number a column or one for all") {
  const index_t m = 70, n = 130;
  const matrix<float> a = test::normal_matrix(m, n, 5);
  std::vector<float> d;
  for (index_t j = 0; j < n; ++j) d.push_back(1 + static_cast<float>(j) / 7);
  for (const auto what : {arithmetic::times, arithmetic::over}) {
    matrix<float> each(a), all(a);
    const auto by_each = cuda::make_columns_kernel(on_device(each), {d.data()}, what);
    const auto by_one = cuda::make_columns_kernel(on_device(all), {nullptr, 3.0f}, what);
    cuda::run_on_host(by_each, by_each.grid());
    cuda::run_on_host(by_one, by_one.grid());
    bool right = true;
    for (index_t i = 0; i < m; ++i) {
      for (index_t j = 0; j < n; ++j) {
        const float s = d[static_cast<std::size_t>(j)], x = a(i, j);
        right = right && each(i, j) == (what == arithmetic::times ? x * s : x / s) &&
                all(i, j) == (what == arithmetic::times ? x * 3.0f : x / 3.0f);
      }
    }
    CHECK(right);
  }
}

TEST_CASE("cuda::columns: to another matrix, of another type and stride") {
  const index_t m = 70, n = 130, gap = 3;
  const matrix<float> a = test::normal_matrix(m, n, 5);
  std::vector<float> d;
  for (index_t j = 0; j < n; ++j) d.push_back(1 + static_cast<float>(j) / 7);
  matrix<float16> y(m, n + gap);
  const auto kernel =
      cuda::make_columns_kernel(on_device(a), matrix_view<float16, device>(y.data(), m, n, n + gap),
                                {d.data()}, arithmetic::over);
  cuda::run_on_host(kernel, kernel.grid());
  bool right = true;
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < n + gap; ++j) {
      const auto at = static_cast<std::size_t>(j);
      right = right && y(i, j) == (j < n ? to_float16(a(i, j) / d[at]) : float16{});
    }
  }
  CHECK(right);
  CHECK_THROWS_WITH_AS(
      cuda::make_columns_kernel(on_device(a), on_device(y), {d.data()}, arithmetic::over),
      "cuda: columns of x (70, 130) to y (70, 133)", error);
}

TEST_CASE("cuda::columns: the largest of each row, and its squares in double") {
  const index_t m = 21, n = 77;
  matrix<float> a = test::normal_matrix(m, n, 5);
  a(3, 70) = -100;
  a(4, 1) = std::numeric_limits<float>::quiet_NaN();
  a(5, 76) = -std::numeric_limits<float>::infinity();
  std::fill_n(&a(6, 0), n, 0.0f);
  std::vector<float> largest(m, -1);
  std::vector<double> squares(m, -1);
  const cuda::row_norms_kernel kernel{a.data(), n, {m, n}, largest.data(), squares.data()};
  cuda::run_on_host(kernel, kernel.grid(), cuda::thread_order::descending);
  for (index_t i = 0; i < m; ++i) {
    float most = 0;
    double sum = 0;
    for (const float x : a.row(i)) {
      most = std::max(most, std::fabs(x));
      sum += static_cast<double>(x) * static_cast<double>(x);
    }
    const auto at = static_cast<std::size_t>(i);
    if (i == 4 || i == 5) {
      CHECK(largest[at] == std::numeric_limits<float>::infinity());
    } else {
      CHECK(largest[at] == most);
      CHECK(squares[at] == doctest::Approx(sum).epsilon(1e-14));
    }
  }
}

TEST_CASE("cuda::columns: the diagonal of what only fills up, in the order of coding") {
  const index_t n = 24, d = 8, order[] = {2, 0, 1};
  for (const bool ordered : {false, true}) {
    matrix<float> h(n, n), expected(n, n);
    for (index_t p = 0; p < n; ++p) {
      const index_t column = ordered ? order[p / d] * d + p % d : p;
      if (column >= 19) expected(p, p) = 3;
    }
    const cuda::fill_diagonal_kernel kernel{h.data(), n, n, 19, {ordered ? order : nullptr, d},
                                            3.0f};
    cuda::run_on_host(kernel, kernel.grid());
    CHECK(h == expected);
  }
}

}  // namespace
