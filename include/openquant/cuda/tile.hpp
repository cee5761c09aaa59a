// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/block.hpp>

namespace openquant::cuda {

/// A square of 64 rows and columns of a matrix, less what lies beyond its last, which a block of
/// 256 threads goes through: neighbouring threads have neighbouring columns.
struct tile {
  static constexpr index_t size = 64;
  static constexpr int threads = 256;

  index_t row, col, end_row, end_col;

  /// Those elements of the transpose.
  OPENQUANT_DEVICE tile mirrored() const { return {col, row, end_col, end_row}; }

  /// f(i, j) for the elements of thread t.
  template <class Visit>
  OPENQUANT_DEVICE void visit(int t, const Visit& f) const {
    const index_t j = col + t % size;
    if (j >= end_col) return;
    OPENQUANT_UNROLL
    for (index_t k = t / size; k < size; k += threads / size) {
      if (row + k < end_row) f(row + k, j);
    }
  }
};

/// A tile in shared memory, in which it turns: written by rows and read by columns, or the other
/// way.
struct turned_tile {
  float of[tile::size][tile::size + 1];  // one more: a column is then in all banks

  /// Element (i, j) of the tile's transpose, of that matrix' rows and columns.
  OPENQUANT_DEVICE float& at(const tile& own, index_t j, index_t i) {
    return of[j - own.col][i - own.row];
  }
};

/// The tiles of a (rows, cols) matrix, by rows.
struct tile_grid {
  index_t rows, cols;

  OPENQUANT_HD index_t across() const { return (cols + tile::size - 1) / tile::size; }
  index_t count() const { return (rows + tile::size - 1) / tile::size * across(); }

  OPENQUANT_DEVICE tile at(index_t b) const {
    const index_t row = b / across() * tile::size, col = b % across() * tile::size;
    return {row, col, end(row, rows), end(col, cols)};
  }

 private:
  OPENQUANT_DEVICE static index_t end(index_t first, index_t all) {
    return first + tile::size < all ? first + tile::size : all;
  }
};

}  // namespace openquant::cuda
