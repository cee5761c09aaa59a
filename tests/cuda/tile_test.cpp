// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/core/matrix.hpp>
#include <openquant/cuda/tile.hpp>

namespace {

using namespace openquant;

TEST_CASE("cuda::tile: each element of a matrix is one thread's of one block") {
  for (const index_t rows : {0, 1, 63, 64, 65, 200}) {
    for (const index_t cols : {1, 64, 130}) {
      CAPTURE(rows);
      CAPTURE(cols);
      const cuda::tile_grid tiles{rows, cols};
      matrix<int> visits(rows, cols), expected(rows, cols);
      for (index_t i = 0; i < rows * cols; ++i) expected.data()[i] = 1;
      for (index_t b = 0; b < tiles.count(); ++b) {
        const cuda::tile own = tiles.at(b);
        for (int t = 0; t < cuda::tile::threads; ++t) {
          own.visit(t, [&](index_t i, index_t j) { ++visits(i, j); });
        }
      }
      CHECK(visits == expected);
    }
  }
}

TEST_CASE("cuda::tile: a warp's elements are neighbours in a row") {
  const cuda::tile own = cuda::tile_grid{64, 128}.at(1);
  for (int t = 0; t < cuda::tile::threads; ++t) {
    index_t row = -1, col = -1;
    own.visit(t, [&](index_t i, index_t j) {
      if (row < 0) row = i, col = j;
    });
    CHECK(row == t / 64);
    CHECK(col == 64 + t % 64);
  }
}

TEST_CASE("cuda::tile: a turned tile holds each element once, for its mirror image") {
  const cuda::tile_grid tiles{100, 70};
  for (index_t b = 0; b < tiles.count(); ++b) {
    const cuda::tile own = tiles.at(b);
    cuda::turned_tile turned;
    for (int t = 0; t < cuda::tile::threads; ++t) {
      own.visit(
          t, [&](index_t i, index_t j) { turned.at(own, j, i) = static_cast<float>(100 * i + j); });
    }
    index_t right = 0;
    for (int t = 0; t < cuda::tile::threads; ++t) {
      own.mirrored().visit(t, [&](index_t j, index_t i) {
        right += turned.at(own, j, i) == static_cast<float>(100 * i + j) ? 1 : 0;
      });
    }
    CHECK(right == (own.end_row - own.row) * (own.end_col - own.col));
  }
}

}  // namespace
