// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <span>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/cuda/kronecker_hadamard.hpp>
#include <openquant/linalg/hadamard.hpp>

#include "cuda/window.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using cuda::factors;
using test::window;

constexpr auto ascending = cuda::thread_order::ascending;
constexpr auto descending = cuda::thread_order::descending;

/// Signs in host memory, called device memory for the kernel that runs on the host.
matrix_view<const std::uint16_t, device> view_of(const matrix<std::uint16_t>& signs) {
  return {signs.data(), signs.rows(), signs.cols()};
}

/// Signs for each of `count` coordinates, and halves and doubles of them.
std::vector<float> powers(std::uint64_t seed, index_t count) {
  std::vector<float> d;
  for (std::uint64_t j = 0; j < static_cast<std::uint64_t>(count); ++j) {
    d.push_back(
        std::ldexp(random::sign(seed, j), static_cast<int>(random::index(seed + 1, j, 3)) - 1));
  }
  return d;
}

template <class In, class Out>
void run(window<In>& x, window<Out>& y, index_t n, const matrix<std::uint16_t>& signs,
         factors before, factors after, cuda::thread_order order) {
  cuda::with_hadamard_kernel(matrix_view<const In, device>(x.view()), y.view(), n, view_of(signs),
                             before, after,
                             [&](const auto& k) { cuda::run_on_host(k, k.grid(), order); });
}

/// Of small integers times powers of two every sum is exact, in whatever order: the bits of the
/// CPU's transform and of its inverse.
template <class In, class Out>
void check_exact(index_t n, index_t per_row, index_t rows, index_t gap, index_t offset,
                 cuda::thread_order order) {
  CAPTURE(n);
  CAPTURE(per_row);
  CAPTURE(rows);
  CAPTURE(gap);
  CAPTURE(offset);
  const index_t cols = n * per_row;
  const linalg::hadamard_transform h(n);
  const std::vector<float> d1 = powers(1, cols), d2 = powers(5, cols);
  for (const bool inverse : {false, true}) {
    window<In> x(rows, cols, gap, offset);
    for (In& e : x.all) e = cuda::narrowed<In>(std::nearbyint(4 * cuda::widened(e)));
    window<Out> y(rows, cols, gap, offset), expected = y;
    run(x, y, n, cuda::hadamard_sign_bits(linalg::split_hadamard(n)->m, inverse), {d1.data()},
        {d2.data()}, order);
    const auto size = static_cast<std::size_t>(n);
    matrix<float> row(1, n);
    for (index_t i = 0; i < rows; ++i) {
      for (index_t b = 0; b < cols; b += n) {
        for (index_t j = 0; j < n; ++j) row(0, j) = cuda::widened(x(i, b + j));
        const std::span<const float> before(d1.data() + b, size), after(d2.data() + b, size);
        if (inverse)
          h.apply_inverse_between(row.view(), before, after);
        else
          h.apply_between(row.view(), before, after);
        for (index_t j = 0; j < n; ++j) expected(i, b + j) = cuda::narrowed<Out>(row(0, j));
      }
    }
    CHECK(y.all == expected.all);  // what lies between the rows as well
  }
}

TEST_CASE("cuda::kronecker_hadamard: exact sums are the CPU's, every m by every power") {
  for (const index_t m : {12, 20, 28, 36, 44, 172, 252}) {
    for (index_t p = 1; p <= 2048 && m * p <= 32768; p *= 2) {
      // A multiple of m that the CPU splits otherwise has another matrix.
      REQUIRE(linalg::split_hadamard(m * p)->m == m);
      check_exact<float, float>(m * p, 1, 1, 0, 0, ascending);
      check_exact<float, float>(m * p, 1, 1, 0, 0, descending);
    }
  }
}

TEST_CASE("cuda::kronecker_hadamard: ragged numbers of rows, strides and places") {
  for (const index_t n : {12, 24, 48, 172, 344, 768, 3072, 5120}) {
    for (const index_t rows : {0, 1, 7, 30}) {
      check_exact<float, float>(n, 1, rows, 4, 4, descending);
      check_exact<float, float>(n, 1, rows, 3, 0, descending);
      check_exact<float, float>(n, 3, rows, 0, 1, ascending);
    }
  }
}

TEST_CASE_TEMPLATE("cuda::kronecker_hadamard: halves in, halves out", T, float16, bfloat16) {
  for (const index_t n : {12, 40, 768, 3584, 11008}) {
    check_exact<T, T>(n, 1, 3, 0, 0, ascending);
    check_exact<T, float>(n, 3, 2, 8, 8, descending);
    check_exact<float, T>(n, 2, 3, 1, 0, ascending);
  }
}

/// Both ways add m p numbers for each result, each with at most log2 p + m roundings between it
/// and the end, two of them products.
TEST_CASE("cuda::kronecker_hadamard: within rounding of the CPU's transform") {
  for (const index_t n : {768, 3584, 5120, 11008, 14336, 28672}) {
    CAPTURE(n);
    const linalg::hadamard_transform h(n);
    const auto [m, p] = *linalg::split_hadamard(n);
    window<float> x(2, n, 0, 0), y(2, n, 0, 0);
    const float root = 1 / std::sqrt(static_cast<float>(n));
    run(x, y, n, cuda::hadamard_sign_bits(m), {}, {nullptr, root}, ascending);
    const double roundings = std::log2(static_cast<double>(p)) + static_cast<double>(m) + 2;
    for (index_t i = 0; i < 2; ++i) {
      double size = 0, worst = 0;
      for (index_t j = 0; j < n; ++j) size += std::fabs(static_cast<double>(x(i, j)));
      h.apply(std::span(&x(i, 0), static_cast<std::size_t>(n)));
      for (index_t j = 0; j < n; ++j) {
        worst = test::worst(worst, std::fabs(static_cast<double>(y(i, j) - x(i, j))));
      }
      CHECK(worst <= 2 * roundings * 0x1p-24 * size * static_cast<double>(root));
      CHECK(worst > 0);  // the order of sums differs, so a comparison with itself would show
    }
  }
}

TEST_CASE("cuda::kronecker_hadamard: any matrix of signs, such as order 40") {
  const index_t m = 40, p = 32, n = m * p;
  matrix<float> h(m, m);  // H_20 x H_2
  const matrix<float> twenty = linalg::hadamard_matrix(20);
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < m; ++j) h(i, j) = twenty(i / 2, j / 2) * (i % 2 && j % 2 ? -1.f : 1.f);
  }
  window<float> x(2, n, 0, 0);
  for (float& e : x.all) e = std::nearbyint(4 * e);
  window<float> y(2, n, 0, 0), expected = y;
  run(x, y, n, cuda::sign_bits(h.view()), {}, {}, ascending);
  run(x, expected, n, cuda::hadamard_sign_bits(20), {}, {}, ascending);
  CHECK(y.all == expected.all);
}

TEST_CASE("cuda::kronecker_hadamard: the inverse gives x back, in its place") {
  const index_t n = 28 * 64;
  window<float> x(5, n, 0, 0);
  for (float& e : x.all) e = std::nearbyint(4 * e);
  const window<float> start = x;
  run(x, x, n, cuda::hadamard_sign_bits(28), {}, {}, ascending);
  CHECK(x.all != start.all);
  run(x, x, n, cuda::hadamard_sign_bits(28, true), {}, {}, ascending);
  for (float& e : x.all) e /= static_cast<float>(n);
  CHECK(x.all == start.all);
}

TEST_CASE("cuda::kronecker_hadamard: refuses what it cannot do") {
  window<float> x(2, 48, 0, 0), other(2, 24, 0, 0);
  const auto call = [&](matrix_view<float, device> y, index_t n, index_t rows, index_t cols) {
    cuda::with_hadamard_kernel(matrix_view<const float, device>(x.view()), y, n,
                               matrix_view<const std::uint16_t, device>(nullptr, rows, cols), {},
                               {},
                               [](const auto&) { FAIL("a kernel for what was to be refused"); });
  };
  CHECK_THROWS_WITH_AS(
      call(x.view(), 36, 3, 3),
      "cuda: hadamard of order 36 with signs (3, 3), which is no m 2^k up to 32768 "
      "with m = 12, 16, ..., 256 and k <= 11",
      error);
  CHECK_THROWS_AS(call(x.view(), 12, 3, 4), error);
  CHECK_THROWS_AS(call(x.view(), 16, 2, 2), error);
  CHECK_THROWS_AS(call(x.view(), 48, 0, 0), error);
  CHECK_THROWS_AS(call(x.view(), 0, 3, 3), error);
  CHECK_THROWS_AS(call(x.view(), 260, 65, 65), error);
  CHECK_THROWS_AS(call(x.view(), 12 * 4096, 3, 3), error);
  CHECK_THROWS_WITH_AS(call(x.view(), 96, 3, 3),
                       "cuda: hadamard of order 96 of x (2, 48) to y (2, 48)", error);
  CHECK_THROWS_AS(call(other.view(), 12, 3, 3), error);
  CHECK_THROWS_AS(cuda::hadamard_sign_bits(13), error);
}

}  // namespace
