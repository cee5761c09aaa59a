// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include <openquant/core/executor.hpp>
#include <openquant/layer/hessian.hpp>
#include <openquant/layer/panel.hpp>
#include <openquant/layer/quantized.hpp>

namespace openquant {

/// n rounded up to whole blocks of d.
constexpr index_t whole_blocks(index_t n, index_t d) { return (n + d - 1) / d * d; }

/// H, filled up to order n with channels that are always zero.
inline matrix<float> fill_up(matrix<float> h, index_t n) {
  if (h.rows() == n) return h;
  matrix<float> filled(n, n);
  for (index_t i = 0; i < h.rows(); ++i) std::ranges::copy(h.row(i), filled.row(i).begin());
  return filled;
}

/// H of the mean over tokens in the basis of the codes, filled up to whole blocks of d.
template <Rotation R, Executor X>
matrix<float> solver_hessian(const hessian& h, const basis<R>& basis, index_t d, X& executor) {
  matrix<float> mean = h.mean(executor);
  basis.hessian_to(mean, executor);
  return fill_up(std::move(mean), whole_blocks(h.size(), d));
}

/// The factor that `count` weights are coded over: the power of two that brings the largest into
/// [128, 256), so that scales use fp16's whole range, and weights of any magnitude give the same
/// codes. For a quantizer without scales it is the root mean square; neither squares nor inverse
/// leave binary32: what is tinier counts as zero.
///
/// sum_of_squares() : double; throws openquant::error where the largest is infinite
template <Quantizer Q, class Squares>
float weight_unit(const Q& q, float largest, index_t count, const Squares& sum_of_squares) {
  if (!std::isfinite(largest)) fail("weights: the transformed weights overflow binary32");
  if (q.scale_bits() != 0) {
    return largest > 0 ? std::ldexp(1.0f, std::max(std::ilogb(largest) - 7, -126)) : 1.0f;
  }
  if (largest < 0x1p-120f) return 0;
  return static_cast<float>(std::sqrt(sum_of_squares() / static_cast<double>(count)));
}

/// W in the basis of the codes, over its `weight_unit`, and filled up with columns of zeros to
/// whole blocks of the quantizer.
struct solver_weights {
  matrix<float> w;  ///< (m, whole blocks)
  float unit = 1;

  /// Throws openquant::error naming row and column where a weight is not finite.
  template <Quantizer Q, Rotation R, Executor X>
  solver_weights(matrix_view<const float> original, const Q& q, const basis<R>& basis,
                 const output_basis<R>& outputs, X& executor)
      : w(original.rows(), whole_blocks(original.cols(), Q::dim)) {
    const auto filled = w.view().block(0, 0, original.rows(), original.cols());
    const std::vector<float> before = largest_of_rows(original, executor);
    for (index_t i = 0; i < filled.rows(); ++i) {
      if (std::isfinite(before[static_cast<std::size_t>(i)])) continue;
      index_t j = 0;
      while (std::isfinite(original(i, j))) ++j;
      fail("weights: w(", i, ", ", j, ") = ", original(i, j));
    }
    constexpr index_t some = 32;  // rows a task
    executor.run((filled.rows() + some - 1) / some, [&](index_t task) {
      const index_t first = task * some, rows = std::min(some, filled.rows() - first);
      for (index_t i = first; i < first + rows; ++i) {
        std::ranges::copy(original.row(i), filled.row(i).begin());
      }
      basis.weights_to(filled.block(first, 0, rows, filled.cols()));
    });
    outputs.weights_to(filled);
    const float largest = std::ranges::max(largest_of_rows(filled, executor));
    unit = weight_unit(q, largest, filled.rows() * filled.cols(), [&] {
      double sum = 0;
      for (index_t i = 0; i < filled.rows(); ++i) {
        for (const float x : filled.row(i)) sum += static_cast<double>(x) * static_cast<double>(x);
      }
      return sum;
    });
    const float inverse = unit > 0 ? 1.0f / unit : 0.0f;
    executor.run(filled.rows(), [&](index_t i) {
      for (float& x : filled.row(i)) x *= inverse;
    });
  }

 private:
  /// The largest magnitude of each row, or infinity where one is not finite.
  template <Executor X>
  static std::vector<float> largest_of_rows(matrix_view<const float> w, X& executor) {
    std::vector<float> largest(static_cast<std::size_t>(w.rows()));
    executor.run(w.rows(), [&](index_t i) {
      constexpr float infinity = std::numeric_limits<float>::infinity();
      float most = 0;
      for (const float x : w.row(i)) {
        const float magnitude = std::fabs(x);
        most = magnitude <= most ? most : magnitude < infinity ? magnitude : infinity;  // NaN too
      }
      largest[static_cast<std::size_t>(i)] = most;
    });
    return largest;
  }
};

/// Squared errors, weighted by H, relative to the weights' own squared norm.
struct solver_errors {
  double with_feedback, round_to_nearest;
};

/// Squared norms, weighted by H, of some rows of W and of their errors.
struct solver_norms {
  double weights = 0, error = 0, round_to_nearest = 0;

  /// Norms of W, of E and of what rounding alone errs, which is E itself if that is not there.
  void add(std::span<const double> squares) {
    weights += squares[0];
    error += squares[1];
    round_to_nearest += squares.back();
  }
  solver_errors errors() const { return {relative(error), relative(round_to_nearest)}; }

 private:
  double relative(double x) const {  // as metric::relative_error
    if (weights <= 0) return x <= 0 ? 0.0 : std::numeric_limits<double>::infinity();
    return std::max(0.0, x) / weights;
  }
};

/// Strips from one whose errors the report measures to the next: at most 4 of them, spread evenly,
/// or 2 where encoding is dear, as it is for tiles.
template <Quantizer Q>
constexpr index_t report_stride(index_t strips) {
  constexpr index_t most = TileQuantizer<Q> ? 2 : 4;
  return (strips + most - 1) / most;
}

/// Rows that one task of `solve` codes: an eighth of m in whole strips of 32, at most 512.
constexpr index_t slab_rows(index_t m) {
  return std::min<index_t>(((m + 31) / 32 + 7) / 8, 16) * 32;
}

/// Bytes that `solver_weights` and `solve` take for (m, n) weights, with or without feedback, with
/// as many slabs at once.
template <class Arch, Quantizer Q>
index_t solver_bytes(index_t m, index_t n, index_t group_size, index_t slabs, bool feedback) {
  const index_t whole = whole_blocks(n, Q::dim), slab = std::min(slab_rows(m), (m + 31) / 32 * 32);
  // The errors of a strip: weights, error and error of rounding, and their products with H.
  constexpr index_t strip = 32;
  const index_t matrices = feedback ? 6 : 4, errors = 4 * matrices * strip * whole;
  index_t one = panel<Arch, Q>::bytes(whole, slab, group_size, feedback) + errors;
  if (feedback) {
    const index_t rounding = panel<Arch, Q>::bytes(whole, strip, group_size, false);
    one += std::max(rounding - errors / 2, index_t{0});
  }
  return 4 * m * whole + std::clamp(slabs, index_t{1}, (m + slab - 1) / slab) * one;
}

/// Codes every row of the problem into `out`, in slabs of `slab_rows`. h is the Hessian in coding
/// order, (n, n), or empty for the identity. The outcome does not depend on the executor.
///
/// The errors are for the report. They cost more than the codes, so they are measured on some
/// strips of 32 rows, `report_stride` apart: on every row where m <= 128.
template <class Arch, Quantizer Q, Executor X>
solver_errors solve(const Q& q, const panel_problem& problem, matrix_view<const float> h,
                    packed_codes& out, X& executor) {
  using panel_t = panel<Arch, Q>;
  constexpr index_t strip = panel_t::strip_rows;
  const index_t m = problem.w.rows(), strips = (m + strip - 1) / strip;
  const index_t slab = slab_rows(m);
  static_assert(strip == 32);
  const index_t stride = report_stride<Q>(strips);
  std::vector<std::vector<double>> sampled(static_cast<std::size_t>(strips));
  executor.run((m + slab - 1) / slab, [&](index_t task) {
    const index_t first = task * slab, rows = std::min(slab, m - first);
    panel_t coded(q, problem, first, rows);
    coded.quantize(&out);
    for (index_t r = 0; r < rows; r += strip) {
      if ((first + r) / strip % stride != 0) continue;
      const index_t n = problem.w.cols(), parts = problem.u.empty() ? 2 : 3;
      matrix<float> e(n, parts * strip);  // weights, error, error of rounding, for one product
      const auto set = [&](index_t part, matrix_view<const float> a) {
        for (index_t p = 0; p < n; ++p) std::ranges::copy(a.row(p), &e(p, part * strip));
      };
      set(0, coded.weights(r));
      set(1, coded.error().block(0, r, n, strip));
      if (!problem.u.empty()) {
        panel_problem rounding = problem;
        rounding.u = {};
        panel_t rounded(q, rounding, first + r, std::min(strip, rows - r));
        rounded.quantize(nullptr);
        set(2, rounded.error());
      }
      sampled[static_cast<std::size_t>((first + r) / strip)] =
          linalg::weighted_squared_norms(e, h, strip);
    }
  });
  solver_norms sum;
  for (const std::vector<double>& squares : sampled) {
    if (!squares.empty()) sum.add(squares);
  }
  return sum.errors();
}

}  // namespace openquant
