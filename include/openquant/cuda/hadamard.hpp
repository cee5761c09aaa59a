// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>

#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/storage.hpp>

namespace openquant::cuda {

/// What the coordinates of a row are multiplied by: d[j] for the coordinate j, or one number where
/// d is null. d lies on the device.
struct factors {
  const float* d = nullptr;
  float by = 1;
};

OPENQUANT_DEVICE inline float times(const factors& f, float x, index_t j) {
  return x * (f.d != nullptr ? f.d[j] : f.by);
}

/// (a, b) -> (a + b, a - b) for numbers of a thread that lie h apart.
template <index_t count>
OPENQUANT_DEVICE void butterflies(float* v, index_t h) {
  OPENQUANT_UNROLL
  for (index_t k = 0; k < count / 2; ++k) {
    const index_t i = k / h * 2 * h + k % h;
    const float a = v[i], b = v[i + h];
    v[i] = a + b;
    v[i + h] = a - b;
  }
}

/// y <- After H Before x in every block of n columns of every row, H Sylvester's matrix of order n,
/// a power of two: one pass over x and y, additions in the order of `linalg::walsh_hadamard`.
///
/// A block of 256 threads transforms 2048 `rounds` numbers of rows laid end to end, so one block of
/// columns where n is as much, else several. Their positions are cut as follows:
///
///   bits         |  warp and round  |  5: lane  |  3: register  |
///   butterflies  |   3. registers   |  2. shuffles  |  1. registers  |
///
/// Between 2 and 3, for n > 256, the numbers change hands through shared memory, where every 33rd
/// place is empty so that no two threads of a warp meet in a bank.
///
/// Source:  the decomposition is that of Dao's fast-hadamard-transform; written from it anew
template <Storage In, Storage Out, index_t rounds>
struct hadamard_kernel {
  static constexpr int threads = 256, resident = rounds <= 2 ? 4 : rounds <= 4 ? 3 : 2;
  static constexpr index_t width = 8, segment = warp_size * width, values = width * rounds;
  static constexpr index_t size = threads * values;
  struct shared {
    float x[size + size / 32];
  };

  const In* x;
  index_t x_stride;
  Out* y;
  index_t y_stride;
  index_t blocks, blocks_per_row;  // of n columns
  int log_n;
  bool x_aligned, y_aligned;  // every row begins with a packet
  factors before, after;

  /// Blocks of the grid.
  index_t grid() const { return ((blocks << log_n) + size - 1) / size; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const index_t first = block.index() * size, n = index_t{1} << log_n;
    auto v = block.template per_thread<vec<float, width>, rounds>();
    block.each([&](int t) {
      OPENQUANT_UNROLL
      for (index_t r = 0; r < rounds; ++r) {
        load(first + (r * threads + t) * width, &v[r][t][0]);
        OPENQUANT_UNROLL
        for (index_t h = 1; h < width; h *= 2) {
          if (h < n) butterflies<width>(&v[r][t][0], h);
        }
      }
    });
    OPENQUANT_UNROLL
    for (index_t r = 0; r < rounds; ++r) {
      OPENQUANT_UNROLL
      for (int mask = 1; mask < warp_size; mask *= 2) {
        if (mask * width >= n) continue;
        const auto other = block.partner(v[r], mask);
        block.each([&](int t) {
          vec<float, width>& own = v[r][t];
          OPENQUANT_UNROLL
          for (index_t i = 0; i < width; ++i) {
            own[i] = (t & mask) != 0 ? other[t][i] - own[i] : own[i] + other[t][i];
          }
        });
      }
    }
    if (n <= segment) {
      block.each([&](int t) {
        OPENQUANT_UNROLL
        for (index_t r = 0; r < rounds; ++r) {
          store(first + (r * threads + t) * width, &v[r][t][0]);
        }
      });
      return;
    }
    block.run([&](int t) {
      OPENQUANT_UNROLL
      for (index_t i = 0; i < values; ++i) {
        const index_t at = (i / width * threads + t) * width + i % width;
        memory.x[at + at / 32] = v[i / width][t][i % width];
      }
    });
    block.each([&](int t) {
      float u[values];
      OPENQUANT_UNROLL
      for (index_t i = 0; i < values; ++i) {
        const index_t at = i * segment + t;
        u[i] = memory.x[at + at / 32];
      }
      OPENQUANT_UNROLL
      for (index_t h = 1; h < values; h *= 2) {
        if (h * segment < n) butterflies<values>(u, h);
      }
      OPENQUANT_UNROLL
      for (index_t i = 0; i < values; ++i) {
        const place at = locate(first + i * segment + t);
        if (at.row >= 0) {
          y[at.row * y_stride + at.col] = narrowed<Out>(times(after, u[i], at.col));
        }
      }
    });
  }

 private:
  static_assert(segment == threads, "thread t takes up number t of every segment");

  struct place {
    index_t row, col;  // row < 0: beyond the last
  };
  /// Of a number of the rows laid end to end.
  OPENQUANT_DEVICE place locate(index_t at) const {
    const index_t b = at >> log_n;
    if (b >= blocks) return {-1, 0};
    const auto row = static_cast<std::uint32_t>(b) / static_cast<std::uint32_t>(blocks_per_row);
    return {row, ((b - row * blocks_per_row) << log_n) + (at & ((index_t{1} << log_n) - 1))};
  }

  /// Eight numbers from `at` on, a multiple of 8, times Before.
  OPENQUANT_DEVICE void load(index_t at, float* v) const {
    const place p = locate(at);
    const In* from = x + p.row * x_stride + p.col;
    if (x_aligned && log_n >= 3 && p.row >= 0) {
      OPENQUANT_UNROLL
      for (index_t i = 0; i < width; i += packet<In>::size) {
        const packet<In> some = load_packet(from + i);
        OPENQUANT_UNROLL
        for (index_t k = 0; k < packet<In>::size; ++k) {
          v[i + k] = times(before, widened(some.x[k]), p.col + i + k);
        }
      }
      return;
    }
    OPENQUANT_UNROLL
    for (index_t i = 0; i < width; ++i) {
      const place q = locate(at + i);
      v[i] = q.row < 0 ? 0.0f : times(before, widened(x[q.row * x_stride + q.col]), q.col);
    }
  }

  OPENQUANT_DEVICE void store(index_t at, const float* v) const {
    const place p = locate(at);
    if (y_aligned && log_n >= 3 && p.row >= 0) {
      OPENQUANT_UNROLL
      for (index_t i = 0; i < width; i += packet<Out>::size) {
        packet<Out> some;
        OPENQUANT_UNROLL
        for (index_t k = 0; k < packet<Out>::size; ++k) {
          some.x[k] = narrowed<Out>(times(after, v[i + k], p.col + i + k));
        }
        store_packet(some, y + p.row * y_stride + p.col + i);
      }
      return;
    }
    OPENQUANT_UNROLL
    for (index_t i = 0; i < width; ++i) {
      const place q = locate(at + i);
      if (q.row >= 0) y[q.row * y_stride + q.col] = narrowed<Out>(times(after, v[i], q.col));
    }
  }
};

/// Blocks of n numbers in rows that are transformed: in one, and in all.
struct block_counts {
  index_t per_row, all;
};

/// Those of x, which goes to y. Throws openquant::error where the shapes do not fit, or a kernel
/// has no numbers for as many blocks.
template <Storage In, Storage Out>
block_counts count_blocks(matrix_view<const In, device> x, matrix_view<Out, device> y, index_t n) {
  if (x.rows() != y.rows() || x.cols() != y.cols() || x.cols() % n != 0) {
    fail("cuda: hadamard of order ", n, " of x (", x.rows(), ", ", x.cols(), ") to y (", y.rows(),
         ", ", y.cols(), ")");
  }
  const index_t per_row = x.cols() / n, all = x.rows() * per_row;
  if (all >= index_t{1} << 31) fail("cuda: hadamard of ", all, " blocks of ", n, " numbers");
  return {per_row, all};
}

/// Whether a kernel of this file has n.
inline bool has_hadamard_kernel(index_t n) {
  return 2 <= n && n <= 16384 && std::has_single_bit(static_cast<std::size_t>(n));
}

/// Calls run(kernel) with the kernel for these views and this n.
/// Throws openquant::error where n is no power of two from 2 to 16384 or the shapes do not fit.
template <Storage In, Storage Out, class Run>
void with_hadamard_kernel(matrix_view<const In, device> x, matrix_view<Out, device> y, index_t n,
                          factors before, factors after, const Run& run) {
  if (!has_hadamard_kernel(n)) {
    fail("cuda: hadamard of order ", n, ", which is no power of two from 2 to 16384");
  }
  const block_counts blocks = count_blocks(x, y, n);
  const int log_n = std::countr_zero(static_cast<std::size_t>(n));
  const auto with = [&]<index_t rounds>() {
    run(hadamard_kernel<In, Out, rounds>{x.data(), x.stride(), y.data(), y.stride(), blocks.all,
                                         blocks.per_row, log_n, rows_are_aligned(x),
                                         rows_are_aligned(y), before, after});
  };
  if (n <= 2048)
    with.template operator()<1>();
  else if (n <= 4096)
    with.template operator()<2>();
  else if (n <= 8192)
    with.template operator()<4>();
  else
    with.template operator()<8>();
}

}  // namespace openquant::cuda
