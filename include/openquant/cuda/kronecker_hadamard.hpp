// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <utility>

#include <openquant/core/lane.hpp>
#include <openquant/cuda/hadamard.hpp>
#include <openquant/linalg/hadamard_matrix.hpp>

namespace openquant::cuda {

/// The signs of a matrix of order m by fours: bit 4 r + k of entry (i, j) is set where the element
/// (4 i + r, 4 j + k) is negative.
///
/// Shapes:  h : (m, m), entries +1 and -1, m a multiple of 4; returns (m / 4, m / 4)
inline matrix<std::uint16_t> sign_bits(matrix_view<const float> h) {
  OPENQUANT_EXPECTS(h.rows() == h.cols() && h.cols() % 4 == 0);
  matrix<std::uint16_t> bits(h.rows() / 4, h.cols() / 4);
  for (index_t i = 0; i < h.rows(); ++i) {
    for (index_t j = 0; j < h.cols(); ++j) {
      const int set = h(i, j) < 0 ? 1 << (i % 4 * 4 + j % 4) : 0;
      bits(i / 4, j / 4) = static_cast<std::uint16_t>(bits(i / 4, j / 4) | set);
    }
  }
  return bits;
}

/// Those of `linalg::hadamard_matrix(m)`, or of its transpose, which takes the transform back.
/// Throws openquant::error where no matrix of order m is known.
inline matrix<std::uint16_t> hadamard_sign_bits(index_t m, bool transposed = false) {
  matrix<float> h = linalg::hadamard_matrix(m);
  if (transposed) {
    for (index_t i = 0; i < m; ++i) {
      for (index_t j = 0; j < i; ++j) std::swap(h(i, j), h(j, i));
    }
  }
  return sign_bits(h);
}

/// y <- After (H_m x H_p) Before x in every block of n = m p columns of every row, H_m given by its
/// signs and H_p Sylvester's, p a power of two: one pass over x and y.
///
/// A block of threads takes as many blocks of columns, laid end to end, as shared memory has room
/// for. H_p comes first, eight neighbours in a thread's registers and 256 in a warp, as in
/// `hadamard_kernel`; then, for p > 256, the same column of p / 256 segments in a thread. For H_m a
/// thread takes 4 rows by 4 columns of the result: what it loads of z = H_p x serves 4 rows, and
/// the sign that it makes a factor of 4 columns. Sums run over rows of z from the first to the
/// last.
template <Storage In, Storage Out, index_t room>
struct kronecker_hadamard_kernel {
  static constexpr int threads = room <= 4096 ? 256 : 512;
  static constexpr int resident = room <= 4096 ? 4 : room <= 16384 ? 2 : 1;
  static constexpr index_t width = 8, segment = warp_size * width, most_segments = 8;
  static constexpr index_t largest_m = 256;
  struct alignas(16) shared {
    float z[room];
    std::uint16_t signs[largest_m * largest_m / 16];
  };

  const In* x;
  index_t x_stride;
  Out* y;
  index_t y_stride;
  index_t blocks, blocks_per_row;  // of n columns
  const std::uint16_t* signs;
  int m, log_p;
  bool x_aligned, y_aligned;  // every row begins with a packet
  factors before, after;

  index_t grid() const { return (blocks + held() - 1) / held(); }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const index_t n = order(), p = index_t{1} << log_p, first = block.index() * held();
    const index_t here = blocks - first < held() ? blocks - first : held(), count = here * n;
    block.run([&](int t) {
      for (index_t i = t; i < m * m / 16; i += threads) memory.signs[i] = signs[i];
    });
    for (index_t at = 0; at < count; at += threads * width) {
      auto v = block.template per_thread<vec<float, width>>();
      block.each([&](int t) {
        load(first, at + t * width, count, &v[t][0]);
        OPENQUANT_UNROLL
        for (index_t h = 1; h < width; h *= 2) {
          if (h < p) butterflies<width>(&v[t][0], h);
        }
      });
      OPENQUANT_UNROLL
      for (int mask = 1; mask < warp_size; mask *= 2) {
        if (mask * width >= p) continue;
        const auto other = block.partner(v, mask);
        block.each([&](int t) {
          vec<float, width>& own = v[t];
          OPENQUANT_UNROLL
          for (index_t i = 0; i < width; ++i) {
            own[i] = (t & mask) != 0 ? other[t][i] - own[i] : own[i] + other[t][i];
          }
        });
      }
      block.run([&](int t) {
        const index_t to = at + t * width;
        OPENQUANT_UNROLL
        for (index_t i = 0; i < width; ++i) {
          if (to + i < count) memory.z[to + i] = v[t][i];
        }
      });
    }
    if (p > segment) {
      block.run([&](int t) {
        for (index_t i = t; i < count / p * segment; i += threads) {
          across_segments(memory.z + i / segment * p + i % segment, p);
        }
      });
    }
    block.each([&](int t) {
      const index_t quads = p < 4 ? 1 : p / 4, items = here * (m / 4) * quads;
      for (index_t i = t; i < items; i += threads) {
        const auto q = static_cast<std::uint32_t>(i >> (log_p < 2 ? 0 : log_p - 2));
        const std::uint32_t b = q / static_cast<std::uint32_t>(m / 4);
        const index_t rows = q - b * static_cast<std::uint32_t>(m / 4);
        multiply(memory, first + b, b * n, rows, i % quads * 4);
      }
    });
  }

 private:
  OPENQUANT_HD index_t order() const { return index_t{m} << log_p; }
  /// Blocks of columns that a block of threads takes.
  OPENQUANT_HD index_t held() const { return room / order(); }

  OPENQUANT_DEVICE static void across_segments(float* z, index_t p) {
    float u[most_segments];
    OPENQUANT_UNROLL
    for (index_t s = 0; s < most_segments; ++s) u[s] = s * segment < p ? z[s * segment] : 0.0f;
    OPENQUANT_UNROLL
    for (index_t h = 1; h < most_segments; h *= 2) {
      if (h * segment < p) butterflies<most_segments>(u, h);
    }
    OPENQUANT_UNROLL
    for (index_t s = 0; s < most_segments; ++s) {
      if (s * segment < p) z[s * segment] = u[s];
    }
  }

  /// Rows 4 `rows`, ... by columns j, ..., j + 3 of H_m z, for the block of columns whose z begins
  /// at `from`.
  OPENQUANT_DEVICE void multiply(const shared& memory, index_t b, index_t from, index_t rows,
                                 index_t j) const {
    const index_t p = index_t{1} << log_p;
    packet<float> sum[4] = {};
    for (index_t l = 0; l < m; l += 4) {
      const std::uint32_t bits = memory.signs[(rows * m + l) / 4];
      OPENQUANT_UNROLL
      for (index_t k = 0; k < 4; ++k) {
        const float* const at = memory.z + from + (l + k) * p + j;
        packet<float> z;
        if (p >= 4) {
          z = load_packet(at);
        } else {
          OPENQUANT_UNROLL
          for (index_t c = 0; c < 4; ++c) z.x[c] = c < p ? at[c] : 0.0f;
        }
        OPENQUANT_UNROLL
        for (index_t r = 0; r < 4; ++r) {
          const float sign =
              bit_float(static_cast<std::int32_t>(bits >> (4 * r + k) << 31 | 0x3f800000u));
          OPENQUANT_UNROLL
          for (index_t c = 0; c < 4; ++c) sum[r].x[c] = mul_add(sign, z.x[c], sum[r].x[c]);
        }
      }
    }
    const auto row = static_cast<std::uint32_t>(b) / static_cast<std::uint32_t>(blocks_per_row);
    const index_t first = (b - row * blocks_per_row) * order() + 4 * rows * p + j;
    OPENQUANT_UNROLL
    for (index_t r = 0; r < 4; ++r) store(row, first + r * p, p, sum[r]);
  }

  /// Four numbers, or p where that is less, times After.
  OPENQUANT_DEVICE void store(index_t row, index_t col, index_t p, const packet<float>& v) const {
    Out* const to = y + row * y_stride + col;
    if (y_aligned && p >= 4) {
      packet<Out, 4 * sizeof(Out)> some;
      OPENQUANT_UNROLL
      for (index_t c = 0; c < 4; ++c) some.x[c] = narrowed<Out>(times(after, v.x[c], col + c));
      store_packet(some, to);
      return;
    }
    OPENQUANT_UNROLL
    for (index_t c = 0; c < 4; ++c) {
      if (c < p) to[c] = narrowed<Out>(times(after, v.x[c], col + c));
    }
  }

  /// Eight numbers from `at` on of those that the block of threads takes, times Before; zeros from
  /// `count` on.
  OPENQUANT_DEVICE void load(index_t first, index_t at, index_t count, float* v) const {
    const auto n = static_cast<std::uint32_t>(order());
    if (x_aligned && log_p > 0 && at < count) {  // n is a multiple of 8, as is a block's end
      const place from = locate(first, at, n);
      const In* const p = x + from.row * x_stride + from.col;
      OPENQUANT_UNROLL
      for (index_t i = 0; i < width; i += packet<In>::size) {
        const packet<In> some = load_packet(p + i);
        OPENQUANT_UNROLL
        for (index_t k = 0; k < packet<In>::size; ++k) {
          v[i + k] = times(before, widened(some.x[k]), from.col + i + k);
        }
      }
      return;
    }
    OPENQUANT_UNROLL
    for (index_t i = 0; i < width; ++i) {
      v[i] = 0;
      if (at + i >= count) continue;
      const place from = locate(first, at + i, n);
      v[i] = times(before, widened(x[from.row * x_stride + from.col]), from.col);
    }
  }

  struct place {
    index_t row, col;
  };
  OPENQUANT_DEVICE place locate(index_t first, index_t at, std::uint32_t n) const {
    const std::uint32_t own = static_cast<std::uint32_t>(at) / n;
    const auto b = static_cast<std::uint32_t>(first) + own;
    const std::uint32_t row = b / static_cast<std::uint32_t>(blocks_per_row);
    const index_t block = b - row * static_cast<std::uint32_t>(blocks_per_row);
    return {row, block * n + (static_cast<std::uint32_t>(at) - own * n)};
  }
};

/// Whether a kernel of this file has n = m 2^k.
inline bool has_hadamard_kernel(index_t m, index_t n) {
  if (m < 12 || m > 256 || m % 4 != 0 || n % m != 0 || n > 32768) return false;
  return n / m <= 2048 && std::has_single_bit(static_cast<std::size_t>(n / m));
}

/// Calls run(kernel) with the kernel for these views, this n and these signs, as `sign_bits` has
/// them. Throws openquant::error where m is not 12, 16, ..., 256, n no m 2^k up to 32768 with
/// k <= 11, or the shapes do not fit.
template <Storage In, Storage Out, class Run>
void with_hadamard_kernel(matrix_view<const In, device> x, matrix_view<Out, device> y, index_t n,
                          matrix_view<const std::uint16_t, device> signs, factors before,
                          factors after, const Run& run) {
  const index_t m = 4 * signs.rows(), p = m > 0 ? n / m : 0;
  if (signs.rows() != signs.cols() || signs.stride() != signs.cols() ||
      !has_hadamard_kernel(m, n)) {
    fail("cuda: hadamard of order ", n, " with signs (", signs.rows(), ", ", signs.cols(),
         "), which is no m 2^k up to 32768 with m = 12, 16, ..., 256 and k <= 11");
  }
  const block_counts blocks = count_blocks(x, y, n);
  const auto with = [&]<index_t room>() {
    run(kronecker_hadamard_kernel<In, Out, room>{
        x.data(), x.stride(), y.data(), y.stride(), blocks.all, blocks.per_row, signs.data(),
        static_cast<int>(m), std::countr_zero(static_cast<std::size_t>(p)), rows_are_aligned(x),
        rows_are_aligned(y), before, after});
  };
  if (n <= 4096)
    with.template operator()<4096>();
  else if (n <= 16384)
    with.template operator()<16384>();
  else
    with.template operator()<32768>();
}

}  // namespace openquant::cuda
