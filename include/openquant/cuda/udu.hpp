// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>

#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/tile.hpp>

/// The steps of `linalg::factor_udu` around its Cholesky factorisation, in place: L lies on and
/// below the diagonal of u, and what is written above it is read by nobody. All go through lines of
/// memory, forwards in u and backwards in what is reversed.
namespace openquant::cuda {

/// L(i, j) <- H(n - 1 - i, n - 1 - j) + damping (i = j), on and below the diagonal.
struct udu_reverse_kernel {
  static constexpr int threads = tile::threads, resident = 4;
  struct shared {};

  const float* h;
  index_t h_stride;
  double damping;
  float* l;
  index_t l_stride;
  tile_grid tiles;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    const tile own = tiles.at(block.index());
    if (own.col >= own.end_row) return;
    const float* const last = h + (tiles.rows - 1) * (h_stride + 1);
    block.each([&](int t) {
      own.visit(t, [&](index_t i, index_t j) {
        if (j > i) return;
        const float x = last[-i * h_stride - j];
        l[i * l_stride + j] = i == j ? static_cast<float>(static_cast<double>(x) + damping) : x;
      });
    });
  }
};

/// What a factorisation says of its pivots, with those that are NaN or infinite, of which a library
/// need not know: failed <- the number of the first that failed, counted from 1, or 0. One block.
struct udu_pivot_kernel {
  static constexpr int threads = 256, resident = 1;
  struct shared {
    index_t first[threads];
  };

  const float* l;
  index_t stride, n;
  int* failed;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    block.run([&](int t) {
      index_t i = t;
      while (i < n && l[i * (stride + 1)] > 0 && l[i * (stride + 1)] <= largest) i += threads;
      memory.first[t] = i < n ? i + 1 : n + 1;
    });
    for (int half = threads / 2; half > 0; half /= 2) {
      block.run([&](int t) {
        if (t < half && memory.first[t + half] < memory.first[t]) {
          memory.first[t] = memory.first[t + half];
        }
      });
    }
    block.each([&](int t) {
      if (t != 0 || *failed < 0) return;
      const index_t said = *failed == 0 ? n + 1 : *failed;
      const index_t first = said < memory.first[0] ? said : memory.first[0];
      *failed = first > n ? 0 : static_cast<int>(first);
    });
  }

 private:
  static constexpr float largest = std::numeric_limits<float>::max();
};

/// U(i, j) of U = R blockdiag(R)^-1 right of the blocks on the diagonal, R(i, j) = L(n - 1 - i,
/// n - 1 - j): by back substitution, in the order of `linalg::factor_udu`.
///
/// A block of 256 threads brings 64 rows of R, and as many columns as are whole blocks of at most
/// 64, to shared memory, with the blocks on the diagonal of R for these columns; a thread then has
/// a row of a block at a time.
struct udu_rows_kernel {
  static constexpr int threads = tile::threads, resident = 4;
  static constexpr index_t rows = tile::size;
  struct shared {
    float x[rows][tile::size + 1];            // one more: a column is then in all banks
    float diagonal[tile::size * tile::size];  // row c of it: d numbers from c d on
  };

  float* u;
  index_t stride, n, d;

  OPENQUANT_HD index_t width() const { return tile::size / d * d; }
  OPENQUANT_HD index_t across() const { return (n + width() - 1) / width(); }
  index_t grid() const { return (n + rows - 1) / rows * across(); }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const index_t row = block.index() / across() * rows, col = block.index() % across() * width();
    const index_t cols = n - col < width() ? n - col : width();
    if (col + cols <= row / d * d + d) return;  // nothing right of the first row's block
    block.run([&](int t) {
      visit(t, row, col, cols, [&](index_t i, index_t j) { memory.x[i - row][j - col] = r(i, j); });
      for (index_t e = t; e < cols * d; e += threads) {
        const index_t c = e / d, k = e % d, own = c % d;
        if (k < own) continue;
        const float x = r(col + c, col + c - own + k);
        memory.diagonal[e] = k == own ? 1 / x : x;
      }
    });
    block.run([&](int t) {
      for (index_t e = t; e < rows * (cols / d); e += threads) {
        const index_t at = e % rows, first = e / rows * d;
        if (row + at < col + first) solve(&memory.x[at][first], &memory.diagonal[first * d]);
      }
    });
    block.each([&](int t) {
      visit(t, row, col, cols,
            [&](index_t i, index_t j) { u[i * stride + j] = memory.x[i - row][j - col]; });
    });
  }

 private:
  OPENQUANT_DEVICE float r(index_t i, index_t j) const {
    return u[(n - 1 - i) * stride + (n - 1 - j)];
  }
  /// f(i, j) for those elements of thread t that lie right of the blocks on the diagonal: i is
  /// above the first row of the block of j, and so above the last of all.
  template <class Visit>
  OPENQUANT_DEVICE void visit(int t, index_t row, index_t col, index_t cols, const Visit& f) const {
    const index_t j = col + t % tile::size;
    if (j >= col + cols) return;
    const index_t above = j / d * d;
    OPENQUANT_UNROLL
    for (index_t k = t / tile::size; k < rows; k += threads / tile::size) {
      if (row + k < above) f(row + k, j);
    }
  }
  /// x <- x R^-1 for a block R on the diagonal, given with the inverse of its diagonal.
  OPENQUANT_DEVICE void solve(float* x, const float* diagonal) const {
    for (index_t k = 0; k < d; ++k) {
      const float* const of = diagonal + k * d;
      const float value = x[k] * of[k];
      x[k] = value;
      for (index_t j = k + 1; j < d; ++j) x[j] -= value * of[j];
    }
  }
};

/// U <- 0 left of the blocks on the diagonal and the identity in them; after this L is gone.
struct udu_unit_kernel {
  static constexpr int threads = tile::threads, resident = 4;
  struct shared {};

  float* u;
  index_t stride, d;
  tile_grid tiles;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    const tile own = tiles.at(block.index());
    if (own.col >= own.end_row + d) return;
    block.each([&](int t) {
      const index_t from = (own.col + t % tile::size) / d * d;
      own.visit(t, [&](index_t i, index_t j) {
        if (i >= from) u[i * stride + j] = i == j ? 1.0f : 0.0f;
      });
    });
  }
};

struct udu_kernels {
  udu_reverse_kernel reverse;
  udu_rows_kernel rows;
  udu_unit_kernel unit;
};

/// The kernels for these views. Throws openquant::error where the shapes do not fit, n is no
/// multiple of the block or the block is none from 1 to 64.
inline udu_kernels make_udu_kernels(matrix_view<const float, device> h, double damping,
                                    index_t block, matrix_view<float, device> u) {
  const index_t n = h.rows();
  if (block < 1 || block > tile::size || h.cols() != n || u.rows() != n || u.cols() != n ||
      n % block != 0) {
    fail("cuda: factor_udu of h (", n, ", ", h.cols(), ") in blocks of ", block, " to u (",
         u.rows(), ", ", u.cols(), ")");
  }
  const tile_grid tiles{n, n};
  return {{h.data(), h.stride(), damping, u.data(), u.stride(), tiles},
          {u.data(), u.stride(), n, block},
          {u.data(), u.stride(), block, tiles}};
}

}  // namespace openquant::cuda
