// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <type_traits>

#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/storage.hpp>
#include <openquant/cuda/tile.hpp>

namespace openquant::cuda {

/// y <- x as floats.
template <Storage In>
struct widen_kernel {
  static constexpr int threads = tile::threads, resident = 4;
  struct shared {};

  const In* x;
  index_t x_stride;
  float* y;
  index_t y_stride;
  tile_grid tiles;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    const tile own = tiles.at(block.index());
    block.each([&](int t) {
      own.visit(t,
                [&](index_t i, index_t j) { y[i * y_stride + j] = widened(x[i * x_stride + j]); });
    });
  }
};

/// sums <- sums + products, in double, for the columns j <= i + before of row i: a strip of rows
/// that a symmetric matrix has on and below its diagonal.
struct add_products_kernel {
  static constexpr int threads = tile::threads, resident = 4;
  struct shared {};

  const float* products;
  index_t products_stride;
  double* sums;
  index_t sums_stride, before;
  tile_grid tiles;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    const tile own = tiles.at(block.index());
    if (own.col >= own.end_row + before) return;
    block.each([&](int t) {
      own.visit(t, [&](index_t i, index_t j) {
        if (j > i + before) return;
        sums[i * sums_stride + j] += static_cast<double>(products[i * products_stride + j]);
      });
    });
  }
};

/// h <- the sums on and below the diagonal over the number of tokens, and above it their mirror
/// image, which turns in shared memory.
struct mean_kernel {
  static constexpr int threads = tile::threads, resident = 4;
  using shared = turned_tile;

  const double* sums;
  index_t sums_stride;
  float* h;
  index_t h_stride;
  double tokens;
  tile_grid tiles;

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const tile own = tiles.at(block.index());
    if (own.col >= own.end_row) return;
    block.run([&](int t) {
      own.visit(t, [&](index_t i, index_t j) {
        if (j > i) return;
        const float mean = static_cast<float>(sums[i * sums_stride + j] / tokens);
        h[i * h_stride + j] = mean;
        memory.at(own, j, i) = mean;
      });
    });
    block.each([&](int t) {
      own.mirrored().visit(t, [&](index_t j, index_t i) {
        if (j < i) h[j * h_stride + i] = memory.at(own, j, i);
      });
    });
  }
};

/// The kernel for the mean over so many tokens. Throws openquant::error where the shapes differ.
inline mean_kernel make_mean_kernel(matrix_view<const double, device> sums, index_t tokens,
                                    matrix_view<float, device> h) {
  const index_t n = sums.rows();
  if (h.rows() != n || h.cols() != n) {
    fail("cuda: hessian.mean: h is (", h.rows(), ", ", h.cols(), "), the Hessian is of order ", n);
  }
  return {sums.data(),
          sums.stride(),
          h.data(),
          h.stride(),
          static_cast<double>(std::max(tokens, index_t{1})),
          {n, n}};
}

/// sums <- sums + X^T X on and below the diagonal: products in float over at most as many rows of x
/// as `chunk` says, for as many rows of the sums as `products` has, their sums in double, as
/// `linalg::add_gram` does it. Halves are first brought into `wide`.
///
///   by.multiply(a, b, c)     C <- A^T B
///   by.square(a, c)          C <- A^T A on and below the diagonal
///   by.launch(kernel, name)  its blocks
///
/// Shapes:  x : (tokens, n), wide : (chunk, n) or for floats none, products : (any, n),
///          sums : (n, n); throws openquant::error for another x
template <class By, Storage In>
void add_moments(const By& by, matrix_view<const In, device> x, index_t chunk,
                 matrix_view<float, device> wide, matrix_view<float, device> products,
                 matrix_view<double, device> sums) {
  const index_t tokens = x.rows(), n = sums.rows(), strip = products.rows();
  if (x.cols() != n) {
    fail("cuda: hessian.add: x is (", tokens, ", ", x.cols(), "), the Hessian is of order ", n);
  }
  for (index_t first = 0; first < tokens; first += chunk) {
    const index_t count = std::min(chunk, tokens - first);
    const auto part = x.block(first, 0, count, n);
    matrix_view<const float, device> rows;
    if constexpr (std::same_as<In, float>) {
      rows = part;
    } else {
      rows = wide.block(0, 0, count, n);
      by.launch(
          widen_kernel<In>{part.data(), part.stride(), wide.data(), wide.stride(), {count, n}},
          "hessian.add, to floats");
    }
    for (index_t i = 0; i < n; i += strip) {
      const index_t height = std::min(strip, n - i);
      const auto left = rows.block(0, i, count, height);
      const auto to = products.block(0, 0, height, i + height);
      if (i > 0) by.multiply(left, rows.block(0, 0, count, i), to.block(0, 0, height, i));
      by.square(left, to.block(0, i, height, height));
      const auto into = sums.block(i, 0, height, i + height);
      by.launch(
          add_products_kernel{
              to.data(), to.stride(), into.data(), into.stride(), i, {height, i + height}},
          "hessian.add");
    }
  }
}

}  // namespace openquant::cuda
