// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/tile.hpp>

namespace openquant::cuda {

/// The order in which columns are coded: blocks of d columns, or null for the natural one.
struct column_order {
  const index_t* blocks = nullptr;
  index_t d = 1;

  /// The column at position p.
  OPENQUANT_HD index_t operator()(index_t p) const {
    return blocks == nullptr ? p : blocks[p / d] * d + p % d;
  }
};

/// to(p, i) <- from(i, order(p)): the transpose, columns in their order of coding. Twice, it brings
/// a symmetric matrix to that order on both sides. Tiles turn in shared memory, so that both sides
/// go through lines.
struct transpose_kernel {
  static constexpr int threads = tile::threads, resident = 4;
  using shared = turned_tile;

  const float* from;
  index_t from_stride;
  float* to;
  index_t to_stride;
  tile_grid tiles;  // of `from`
  column_order order;

  index_t grid() const { return tiles.count(); }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const tile own = tiles.at(block.index());
    block.run([&](int t) {
      own.visit(t, [&](index_t i, index_t p) {
        memory.at(own, p, i) = from[i * from_stride + order(p)];
      });
    });
    block.each([&](int t) {
      own.mirrored().visit(
          t, [&](index_t p, index_t i) { to[p * to_stride + i] = memory.at(own, p, i); });
    });
  }
};

/// The kernel for these matrices, which must not overlap. Throws openquant::error where the shapes
/// do not fit.
inline transpose_kernel make_transpose_kernel(matrix_view<const float, device> from,
                                              matrix_view<float, device> to,
                                              column_order order = {}) {
  if (from.rows() != to.cols() || from.cols() != to.rows()) {
    fail("cuda: transpose of a (", from.rows(), ", ", from.cols(), ") matrix to one of (",
         to.rows(), ", ", to.cols(), ")");
  }
  return {from.data(), from.stride(), to.data(), to.stride(), {from.rows(), from.cols()}, order};
}

}  // namespace openquant::cuda
