// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/codes.hpp>

namespace openquant::cuda {

/// w <- unit times the decoded codes, in the basis of the codes: the numbers of
/// `openquant::decode_codes`.
///
/// A block of 128 threads decodes 16 rows by 32 runs: thread t rows 4 (t mod 4), ... of run t / 4.
template <DeviceQuantizer Q, Storage Out>
struct dequantize_kernel {
  using run = code_run<Q>;
  static constexpr int threads = 128, resident = 4;
  static constexpr index_t runs = threads / 4;
  using shared = shared_table<Q>;

  codes_view<Q> codes;
  Out* w;
  index_t stride;
  bool aligned;  // every row begins with a packet

  /// Runs of a strip, and parts of it that blocks take.
  OPENQUANT_HD index_t strip_runs() const {
    return codes.shape.groups() * run::in_group(codes.shape);
  }
  OPENQUANT_HD index_t parts() const { return (strip_runs() + runs - 1) / runs; }
  index_t grid() const { return codes.strips() * parts(); }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    load_table(block, threads, codes, memory);
    block.each([&](int t) {
      const index_t strip = block.index() / parts();
      const index_t at = block.index() % parts() * runs + t / 4, quad = t % 4;
      if (at >= strip_runs()) return;
      const index_t g = at / run::in_group(codes.shape), u = at % run::in_group(codes.shape);
      const index_t first = g * codes.shape.group_size + u * run::cols;
      const index_t end = min(codes.shape.cols, (g + 1) * codes.shape.group_size);
      if (first >= end) return;
      const index_t row = strip * strip_shape<Q>::rows + 4 * quad;
      constexpr index_t width = packet<Out>::size;
      const bool in_packets = aligned && first + run::cols <= end && run::cols % width == 0 &&
                              codes.shape.group_size % width == 0;
      packet<Out> last[4];
      decode_run<false>(codes, table_of(codes, memory), strip, g, u, quad,
                        load_scales(codes, strip, g, quad),
                        [&](index_t k, const vec<float, 4>& weights) {
                          OPENQUANT_UNROLL
                          for (index_t i = 0; i < 4; ++i) {
                            Out* const to = w + (row + i) * stride + first + k;
                            const Out out = narrowed<Out>(codes.unit * weights[i]);
                            last[i].x[k % width] = out;
                            if (row + i >= codes.rows) continue;
                            if (!in_packets) {
                              if (first + k < end) *to = out;
                            } else if (k % width == width - 1) {
                              store_packet(last[i], to - (width - 1));
                            }
                          }
                        });
    });
  }

 private:
  OPENQUANT_DEVICE static index_t min(index_t a, index_t b) { return a < b ? a : b; }
};

/// The kernel for these codes and this matrix. Throws openquant::error where the shapes differ.
template <DeviceQuantizer Q, Storage Out>
dequantize_kernel<Q, Out> make_dequantize_kernel(const codes_view<Q>& codes,
                                                 matrix_view<Out, device> w) {
  if (w.rows() != codes.rows || w.cols() != codes.shape.cols) {
    fail("cuda: dequantize of (", codes.rows, ", ", codes.shape.cols, ") codes of ", Q::name(),
         " to w (", w.rows(), ", ", w.cols(), ")");
  }
  return {codes, w.data(), w.stride(), rows_are_aligned(w)};
}

}  // namespace openquant::cuda
