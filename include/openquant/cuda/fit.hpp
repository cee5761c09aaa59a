// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/block.hpp>
#include <openquant/cuda/codes.hpp>

namespace openquant::cuda {

/// The scale of a group as it is stored: fitted, and rounded through its bits. The quantizer's own
/// source in one lane, for one thread or a team of them, with the CPU's scale.
template <DeviceQuantizer Q>
OPENQUANT_HD scale_t<Q> fit_stored(const Q& q, const group_view<float>& group) {
  return q.unpack(q.pack(q.fit(group)));
}

/// Scales of a matrix whose columns are whole blocks of Q, to strips.
///
/// A warp fits one group of one row: its threads try a candidate each, of which the first of the
/// best is taken, so the CPU's.
template <DeviceQuantizer Q>
struct fit_kernel {
  static constexpr int threads = 128, resident = 1;
  static constexpr index_t strip_rows = strip_shape<Q>::rows, warps = threads / warp_size;
  struct shared {};

  Q q;
  strip_shape<Q> shape;
  const float* w;
  index_t w_stride, rows;
  const float* importance;  // of every column, or null
  float* scales;
  index_t scales_stride;

  /// Rows, those of a last strip that are not there included, times groups.
  OPENQUANT_HD index_t count() const {
    return (rows + strip_rows - 1) / strip_rows * strip_rows * shape.groups();
  }
  index_t grid() const { return (count() + warps - 1) / warps; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    block.run_warps([&](int warp) {
      const index_t i = block.index() * warps + warp;
      if (i >= count()) return;
      const index_t r = i % strip_rows, g = i / strip_rows % shape.groups();
      const index_t strip = i / strip_rows / shape.groups(), row = strip * strip_rows + r;
      const index_t first = g * shape.group_size, size = shape.blocks_in(g) * Q::dim;
      scale_t<Q> s{};
      if (row < rows) {
        s = fit_stored(q, group_view<float>(w + row * w_stride + first, 1, size,
                                            importance == nullptr ? nullptr : importance + first,
                                            team{warp_size}));
      }
      float* const to = scales + strip * scales_stride + g * Q::scale_fields * strip_rows + r;
      OPENQUANT_UNROLL
      for (index_t k = 0; k < Q::scale_fields; ++k) to[k * strip_rows] = s[k];
    });
  }
};

/// The kernel for this matrix. Throws openquant::error where the shapes do not fit.
template <DeviceQuantizer Q>
fit_kernel<Q> make_fit_kernel(const Q& q, const strip_shape<Q>& shape,
                              matrix_view<const float, device> w,
                              matrix_view<const float, device> importance,
                              matrix_view<float, device> scales) {
  constexpr index_t strip_rows = strip_shape<Q>::rows;
  if (w.cols() != shape.padded_cols() || scales.cols() != shape.scales() ||
      scales.rows() != (w.rows() + strip_rows - 1) / strip_rows ||
      (!importance.empty() && (importance.rows() != 1 || importance.cols() != w.cols()))) {
    fail("cuda: fit of ", Q::name(), " to w (", w.rows(), ", ", w.cols(), ") of ", shape.cols,
         " columns in groups of ", shape.group_size, ", importance (", importance.rows(), ", ",
         importance.cols(), "), to scales (", scales.rows(), ", ", scales.cols(), ")");
  }
  return {
      q, shape, w.data(), w.stride(), w.rows(), importance.data(), scales.data(), scales.stride()};
}

}  // namespace openquant::cuda
