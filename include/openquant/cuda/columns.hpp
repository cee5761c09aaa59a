// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>

#include <openquant/core/lane.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/hadamard.hpp>
#include <openquant/cuda/transpose.hpp>

/// Passes over a matrix that change its columns or measure its rows.
namespace openquant::cuda {

enum class arithmetic { times, over };

/// y <- x diag(d), or x diag(d)^-1 by division, as the CPU's basis does either. x and y may be the
/// same matrix.
template <Storage In, Storage Out>
struct columns_kernel {
  static constexpr int threads = tile::threads, resident = 4;
  struct shared {};

  const In* x;
  index_t x_stride;
  Out* y;
  index_t y_stride;
  tile_grid tiles;
  factors by;
  arithmetic what;

  index_t grid() const { return tiles.count(); }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    const tile own = tiles.at(block.index());
    block.each([&](int t) {
      own.visit(t, [&](index_t i, index_t j) {
        const float from = widened(x[i * x_stride + j]);
        const float d = by.d != nullptr ? by.d[j] : by.by;
        y[i * y_stride + j] = narrowed<Out>(what == arithmetic::times ? from * d : from / d);
      });
    });
  }
};

/// The kernel for these matrices. Throws openquant::error where their shapes differ.
template <Storage In, Storage Out>
columns_kernel<In, Out> make_columns_kernel(matrix_view<const In, device> x,
                                            matrix_view<Out, device> y, factors by,
                                            arithmetic what) {
  if (x.rows() != y.rows() || x.cols() != y.cols()) {
    fail("cuda: columns of x (", x.rows(), ", ", x.cols(), ") to y (", y.rows(), ", ", y.cols(),
         ")");
  }
  return {x.data(), x.stride(), y.data(), y.stride(), {x.rows(), x.cols()}, by, what};
}
/// In place.
inline columns_kernel<float, float> make_columns_kernel(matrix_view<float, device> x, factors by,
                                                        arithmetic what) {
  return make_columns_kernel<float, float>(x, x, by, what);
}

/// H(p, p) <- x where position p has a column from `from` on, which only fills up.
struct fill_diagonal_kernel {
  static constexpr int threads = 256, resident = 4;
  struct shared {};

  float* h;
  index_t stride, n, from;
  column_order order;
  float x;

  index_t grid() const { return (n + threads - 1) / threads; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    block.each([&](int t) {
      const index_t p = block.index() * threads + t;
      if (p < n && order(p) >= from) h[p * (stride + 1)] = x;
    });
  }
};

/// largest[i] <- the largest magnitude of row i, or infinity where one is not finite; squares[i] <-
/// the sum of its squares, in double. A warp takes a row.
struct row_norms_kernel {
  static constexpr int threads = 256, resident = 4;
  static constexpr index_t rows = threads / warp_size;
  struct shared {};

  const float* x;
  index_t stride;
  tile_grid of;
  float* largest;
  double* squares;

  index_t grid() const { return (of.rows + rows - 1) / rows; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    auto most = block.template per_thread<float>();
    auto sum = block.template per_thread<double>();
    block.each([&](int t) {
      const index_t row = block.index() * rows + t / warp_size;
      most[t] = 0, sum[t] = 0;
      for (index_t j = t % warp_size; row < of.rows && j < of.cols; j += warp_size) {
        const float value = x[row * stride + j], size = abs(value);
        most[t] = !(size <= most[t]) ? bounded(size) : most[t];
        sum[t] = sum[t] + static_cast<double>(value) * static_cast<double>(value);
      }
    });
    OPENQUANT_UNROLL
    for (int mask = warp_size / 2; mask > 0; mask /= 2) {
      const auto other = block.partner(most, mask);
      block.each([&](int t) { most[t] = max(most[t], other[t]); });
    }
    add_over_warp(block, sum);
    block.each([&](int t) {
      const index_t row = block.index() * rows + t / warp_size;
      if (t % warp_size != 0 || row >= of.rows) return;
      largest[row] = most[t];
      squares[row] = sum[t];
    });
  }

 private:
  /// NaN counts as infinite.
  OPENQUANT_DEVICE static float bounded(float size) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    return size < infinity ? size : infinity;
  }
};

}  // namespace openquant::cuda
