// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <vector>

#include <openquant/cuda/panel.hpp>
#include <openquant/layer/solve.hpp>

namespace openquant::cuda {

/// A layer on the device, in the basis of its codes, as `solve` takes it; h and u in the order of
/// coding, the rest in the natural one.
template <DeviceQuantizer Q>
struct layer_view {
  Q q;
  strip_shape<Q> shape;
  matrix_view<const float, device> w;           ///< (m, n'), n' whole blocks of d
  matrix_view<const float, device> h;           ///< (n', n') Hessian
  matrix_view<const float, device> u;           ///< (n', n') its feedback
  matrix_view<const float, device> importance;  ///< (1, n') its diagonal
  matrix_view<float, device> scales;            ///< (strips, shape.scales()), set here
  matrix_view<std::int32_t, device> words;      ///< (strips, shape.words()), zero, set here
  tile_memory<Q> tiles{};
  matrix_view<const index_t, device> order{};  ///< (1, n' / d) blocks in coding order, or natural
};

/// What the report measures of a strip: weights, their errors, those of rounding, side by side.
inline constexpr index_t report_parts = 3;

/// Strips of 32 rows that the report measures, of so many.
template <DeviceQuantizer Q>
constexpr index_t measured_strips(index_t strips) {
  const index_t stride = report_stride<Q>(strips);
  return stride == 0 ? 0 : (strips + stride - 1) / stride;
}

/// Bytes that `solve` takes on a device for an (m, n') layer under scales of this shape, beside the
/// layer.
template <DeviceQuantizer Q>
index_t solve_bytes(index_t m, index_t n, const strip_shape<Q>& shape) {
  constexpr index_t strip = warp_size, parts = report_parts;
  const index_t strips = (m + strip - 1) / strip;
  const index_t columns = 2 * (strips + measured_strips<Q>(strips) * parts) * strip + strip;
  return 4 * (columns * n + 2 * (shape.scales() + shape.words()));
}

/// Codes every row of a layer: `openquant::solve` on a device D,
///
///   d.zeros<T>(rows, cols)                  a matrix of zeros there, with view()
///   d.run, d.multiply_add                   as `code_columns` asks for
///   d.copy(from, to)
///   d.read(view)                            a copy on the host; waits
///
/// for which `cuda::solver` stands, and a loop on the host in the tests. The errors of the report
/// are measured on the rows that the CPU measures.
///
/// Cost:    m n^2 flops and 768 n^2 for the report; 8 n m bytes and 3200 n for the report
template <class D, PanelQuantizer Q>
solver_errors solve(const D& d, const layer_view<Q>& layer) {
  constexpr index_t strip = warp_size;
  const index_t m = layer.w.rows(), n = layer.w.cols(), strips = (m + strip - 1) / strip;
  auto sum = d.template zeros<float>(n, strips * strip);
  auto error = d.template zeros<float>(n, strips * strip);
  code_columns(d,
               panel_view<Q>{layer.q, layer.shape, layer.w, layer.u, layer.importance, sum.view(),
                             error.view(), layer.scales, layer.words, layer.tiles, layer.order});

  constexpr index_t parts = report_parts;
  const index_t stride = report_stride<Q>(strips), measured = measured_strips<Q>(strips);
  auto e = d.template zeros<float>(n, measured * parts * strip);
  auto product = d.template zeros<float>(n, e.cols());
  auto rounding = d.template zeros<float>(n, strip);
  auto scales = d.template zeros<float>(2, layer.scales.cols());
  auto words = d.template zeros<std::int32_t>(2, layer.words.cols());
  for (index_t i = 0; i < measured; ++i) {
    const index_t r = i * stride * strip, rows = std::min(strip, m - r);
    const index_t in_strips = (rows + strip_shape<Q>::rows - 1) / strip_shape<Q>::rows;
    const auto part = [&](index_t k, index_t cols) {
      return e.view().block(0, (i * parts + k) * strip, n, cols);
    };
    const auto w = layer.w.block(r, 0, rows, n);
    d.run(make_transpose_kernel(w, part(0, rows), {layer.order.data(), Q::dim}), "transpose");
    d.copy(error.view().block(0, r, n, strip), part(1, strip));
    code_columns(d, panel_view<Q>{layer.q,
                                  layer.shape,
                                  w,
                                  {},
                                  layer.importance,
                                  {},
                                  rounding.view(),
                                  scales.view().block(0, 0, in_strips, scales.cols()),
                                  words.view().block(0, 0, in_strips, words.cols()),
                                  layer.tiles,
                                  layer.order});
    d.copy(rounding.view(), part(2, strip));
  }
  if (measured == 0) return solver_norms{}.errors();
  d.template multiply_add<linalg::op::none, linalg::op::none>(layer.h, e.view(), 0.0f,
                                                              product.view());
  const std::vector<double> squares =
      linalg::inner_products(d.read(e.view()), d.read(product.view()), strip);
  solver_norms norms;
  for (index_t i = 0; i < measured; ++i) {
    norms.add(std::span(squares).subspan(static_cast<std::size_t>(i * parts), parts));
  }
  return norms.errors();
}

}  // namespace openquant::cuda
