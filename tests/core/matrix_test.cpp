// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <doctest/doctest.h>
#include <type_traits>

#include <openquant/core/matrix.hpp>

namespace {

using namespace openquant;

static_assert(std::is_trivially_copyable_v<matrix_view<float>>);
static_assert(std::is_convertible_v<matrix_view<float>, matrix_view<const float>>);
static_assert(!std::is_convertible_v<matrix_view<const float>, matrix_view<float>>);
static_assert(!std::is_convertible_v<matrix_view<float, device>, matrix_view<float>>);
static_assert(!std::is_convertible_v<matrix_view<float, host>, matrix_view<const float, device>>);
static_assert(std::is_convertible_v<const matrix<float>&, matrix_view<const float>>);
static_assert(!std::is_convertible_v<const matrix<float>&, matrix_view<float>>);

TEST_CASE("matrix: row-major, zero at the start") {
  matrix<float> a(2, 3);
  for (index_t i = 0; i < 6; ++i) CHECK(a.data()[i] == 0);
  a(1, 2) = 5;
  CHECK(a.data()[5] == 5);
  CHECK(a.row(1)[2] == 5);
  CHECK(a.row(1).size() == 3);
  CHECK(a.view()(1, 2) == 5);
}

TEST_CASE("matrix: blocks are windows") {
  matrix<int> a(4, 5);
  for (int i = 0; i < 20; ++i) a.data()[i] = i;
  const auto b = a.view().block(1, 2, 2, 3);
  CHECK(b.rows() == 2);
  CHECK(b.cols() == 3);
  CHECK(b.stride() == 5);
  CHECK(b(0, 0) == 7);
  CHECK(b(1, 2) == 14);
  const auto c = b.block(1, 1, 1, 2);
  CHECK(c(0, 1) == 14);
  c(0, 0) = -1;
  CHECK(a(2, 3) == -1);
  CHECK(a.view().block(4, 5, 0, 0).empty());
}

TEST_CASE("matrix: copying a strided view packs it") {
  matrix<int> a(3, 4);
  for (int i = 0; i < 12; ++i) a.data()[i] = i;
  const matrix<int> b(a.view().block(1, 1, 2, 2));
  CHECK(b.view().stride() == 2);
  CHECK(b(0, 0) == 5);
  CHECK(b(1, 1) == 10);
  a(1, 1) = 99;
  CHECK(b(0, 0) == 5);
}

TEST_CASE("matrix: equality compares shape and elements") {
  matrix<float> a(2, 3), b(2, 3);
  CHECK(a == b);
  b(0, 1) = 1;
  CHECK(a != b);
  CHECK(a != matrix<float>(3, 2));
}

TEST_CASE("matrix: memory starts on a cache line") {
  for (index_t n = 1; n < 40; ++n) {
    const matrix<float> a(1, n);
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
  }
}

TEST_CASE("matrix: empty shapes") {
  CHECK(matrix_view<float>().empty());
  CHECK(matrix<float>().view().empty());
  CHECK(matrix<float>(0, 3).view().empty());
  CHECK(matrix<float>(0, 3).cols() == 3);
  CHECK(matrix<float>(3, 0).row(2).empty());
}

TEST_CASE("matrix: transposed into a window, which alone is written") {
  for (const index_t rows : {1, 5, 16, 33}) {
    for (const index_t cols : {1, 16, 17, 40}) {
      CAPTURE(rows);
      CAPTURE(cols);
      matrix<float> a(rows, cols), b(cols + 2, rows + 2);
      for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) a(i, j) = static_cast<float>(100 * i + j + 1);
      }
      transpose(a.view(), b.view().block(1, 1, cols, rows));
      int wrong = 0;
      for (index_t j = 0; j < cols + 2; ++j) {
        for (index_t i = 0; i < rows + 2; ++i) {
          const bool inside = 0 < i && i <= rows && 0 < j && j <= cols;
          wrong += b(j, i) != (inside ? a(i - 1, j - 1) : 0.0f);
        }
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("matrix: transposed in place, at sizes around the tiles'") {
  for (const index_t n : {0, 1, 31, 32, 33, 70}) {
    CAPTURE(n);
    matrix<float> a(n, n + 3);  // a window: the stride is not n
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) a(i, j) = static_cast<float>(100 * i + j);
    }
    transpose(a.view().block(0, 0, n, n));
    bool transposed = true;
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        transposed = transposed && a(i, j) == static_cast<float>(100 * j + i);
      }
    }
    CHECK(transposed);
    mirror_lower(a.view().block(0, 0, n, n));
    bool mirrored = true;
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        mirrored = mirrored && a(i, j) == static_cast<float>(100 * std::min(i, j) + std::max(i, j));
      }
    }
    CHECK(mirrored);
  }
}

}  // namespace
