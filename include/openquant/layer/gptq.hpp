// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include <openquant/layer/plan.hpp>
#include <openquant/layer/solve.hpp>
#include <openquant/linalg/udu.hpp>

namespace openquant {

struct gptq_options {
  index_t group_size = 128;  ///< columns that share a scale; -1: the whole row
  float damping = 0.01f;     ///< added to H's diagonal, relative to its mean over live channels
  bool act_order = false;    ///< code columns by falling H_jj; the result is in the original order
};

/// Second-order quantization with error feedback, in the basis of E and R: each weight is rounded
/// after the errors made so far have been compensated, q_j = Q(w_j + sum_{i<j} (w_i - q_i) U_ij)
/// with H + damping I = U D U^T. Equalizer, rotation and quantizer are types, composed at compile
/// time.
///
///   auto method = gptq<quantizer::uniform<4>, rotation::hadamard>{.rotation = {.seed = 7}};
///   auto q = method.quantize(w, h);
///
/// Cost:    n^3 / 3 flops and 2 n rotations for `factor`, which layers with the same input share;
///          (m + 384) n^2 for `quantize`, of which 384 n^2 are for the report
/// Source:  Frantar et al., "GPTQ", ICLR 2023; Chee et al., "QuIP", NeurIPS 2023 (the LDLQ form)
template <Quantizer Q, Rotation R = rotation::identity, Equalizer E = equalizer::identity>
struct gptq {
  [[no_unique_address]] Q quantizer{};
  [[no_unique_address]] R rotation{};
  [[no_unique_address]] E equalizer{};
  gptq_options options{};

  /// What quantize needs of the Hessian.
  struct factorization {
    [[no_unique_address]] R rotation;
    [[no_unique_address]] E equalizer;
    openquant::basis<R> basis;
    std::vector<float> importance;  ///< (n') diagonal of H', natural order
    std::vector<index_t> order;     ///< (n' / d) blocks in coding order, empty for the natural one
    matrix<float> h;                ///< (n', n') H' in coding order, n' whole blocks of d
    matrix<float> u;                ///< (n', n') its feedback
    index_t channels, tokens, dead_channels, attempts;
    double damping;  ///< used, relative
  };

  /// Memory for an (m, n) layer: 8 n^2 bytes for the factorization (and as much again while it is
  /// done in binary64), 4 m n for the transformed weights, and about 5000 n for each slab of rows
  /// at work, of which there are as many as the executor has threads. Throws openquant::error where
  /// m, n or the group size is none.
  template <class Arch = default_arch>
  [[nodiscard]] memory_plan plan(index_t m, index_t n, index_t threads = 1) const {
    using result = quantized<Q, R, E>;
    memory_plan p;
    p.output = result::packed_bytes(quantizer, m, n, options.group_size);
    const index_t whole = whole_blocks(n, Q::dim), g = result::resolve(n, options.group_size);
    p.factor = 4 * (2 * whole * whole + whole);
    const bool in_place = drowns_roundings(static_cast<double>(options.damping), whole);
    const index_t tile = std::min(linalg::cholesky_tile, whole);
    const index_t tiles =
        std::clamp(whole / tile, index_t{1}, std::max(threads, index_t{1})) * tile * tile;
    const index_t factoring = in_place ? 4 * tiles : 8 * (whole * whole + tiles);
    p.workspace = std::max(factoring - p.output, solver_bytes<Arch, Q>(m, n, g, threads, true));
    return p;
  }

  /// Whether relative damping drowns the roundings of binary32, which act as a change of H_ij by n
  /// 2^-24 sqrt(H_ii H_jj) at most, and hardly ever by as much.
  static bool drowns_roundings(double damping, index_t n) {
    return damping >= 10 * 0x1p-24 * static_cast<double>(n);
  }

  /// Transforms H and factors it. Where a pivot fails, the damping is raised tenfold, up to that
  /// of the mean diagonal itself; the report says which was used.
  ///
  /// Throws openquant::error for a Hessian without tokens or with dead channels alone (there is
  /// nothing to weigh errors with: round_to_nearest says so in its name), for negative damping, and
  /// where even the largest damping does not make H positive definite.
  template <Executor X = serial>
  [[nodiscard]] factorization factor(const hessian& h, X&& executor = {}) const {
    return factor_by(h, on_host<std::remove_reference_t<X>>{executor});
  }

  /// The same where something else holds H' and factors it:
  ///
  ///   by.transform(f, h)         brings H to f.basis, filled up to whole blocks of d; sets
  ///                              f.importance
  ///   by.reorder(f)              brings H' to f.order, both sides
  ///   by.fill(f, x)              sets H'_jj of the columns that only fill up
  ///   by.factorize(f, damping)   makes U of H' + damping I; the column whose pivot was not
  ///                              positive, or nothing when all were
  template <class By>
  [[nodiscard]] factorization factor_by(const hessian& h, By&& by) const {
    const std::vector<index_t> dead = h.dead_channels();
    if (h.tokens() == 0) fail("gptq: the Hessian has seen no tokens");
    if (static_cast<index_t>(dead.size()) == h.size()) {
      fail("gptq: all ", h.size(), " input channels were zero in all ", h.tokens(), " tokens");
    }
    if (!(options.damping >= 0) || !std::isfinite(options.damping)) {
      fail("gptq: damping ", options.damping, " is not a finite number from 0 on");
    }
    factorization f{rotation,
                    equalizer,
                    openquant::basis<R>(rotation, h.size(), equalizer.scales(h.diagonal())),
                    {},
                    {},
                    {},
                    {},
                    h.size(),
                    h.tokens(),
                    static_cast<index_t>(dead.size()),
                    0,
                    0};
    by.transform(f, h);
    if (options.act_order) {
      f.order = strongest_first(f.importance);
      by.reorder(f);
    }
    factor_with_damping(f, by);
    return f;
  }

  /// Quantizes one weight matrix that reads the inputs behind f.
  ///
  /// Shapes:  w : (m, n); throws openquant::error otherwise, and with row and column where a weight
  ///          is not finite
  template <class Arch = default_arch, Executor X = serial>
  [[nodiscard]] quantized<Q, R, E> quantize(matrix_view<const float> w, const factorization& f,
                                            X&& executor = {}) const {
    if (w.cols() != f.channels) {
      fail("gptq: w is (", w.rows(), ", ", w.cols(), "), the Hessian is of order ", f.channels);
    }
    quantized<Q, R, E> result(quantizer, f.rotation, f.equalizer, w.rows(), w.cols(),
                              options.group_size, f.basis);
    const solver_weights weights(w, quantizer, f.basis, result.outputs(), executor);
    const panel_problem problem{weights.w, f.u, f.importance, f.order, result.group_size()};
    const solver_errors errors = solve<Arch>(quantizer, problem, f.h, result.packed(), executor);
    result.complete(weights.unit, {f.tokens, f.dead_channels, f.attempts, f.damping,
                                   errors.with_feedback, errors.round_to_nearest});
    return result;
  }

  template <class Arch = default_arch, Executor X = serial>
  [[nodiscard]] quantized<Q, R, E> quantize(matrix_view<const float> w, const hessian& h,
                                            X&& executor = {}) const {
    return quantize<Arch>(w, factor(h, executor), executor);
  }

  /// The same on a backend: by the function quantize_on(backend, method, w, h) of its namespace.
  /// For `cuda::backend` it is in cuda/gptq.cuh.
  template <class Backend, class W, class H>
  requires requires(const Backend& on, const gptq& method, const W& w, const H& h) {
    quantize_on(on, method, w, h);
  }
  [[nodiscard]] auto quantize(const Backend& on, const W& w, const H& h) const {
    return quantize_on(on, *this, w, h);
  }
  /// The memory that this takes there, by plan_on(backend, method, m, n).
  template <class Backend>
  requires requires(const Backend& on, const gptq& method) {
    plan_on(on, method, index_t{}, index_t{});
  }
  [[nodiscard]] memory_plan plan(const Backend& on, index_t m, index_t n) const {
    return plan_on(on, *this, m, n);
  }

 private:
  /// H' on the CPU.
  template <class X>
  struct on_host {
    X& executor;

    void transform(factorization& f, const hessian& h) const {
      f.h = solver_hessian(h, f.basis, Q::dim, executor);
      for (index_t j = 0; j < f.h.rows(); ++j) f.importance.push_back(f.h(j, j));
    }
    void reorder(factorization& f) const {
      const index_t n = f.h.rows();
      const matrix<float> natural = f.h;
      for (index_t i = 0; i < n; ++i) {
        for (index_t j = 0; j < n; ++j) f.h(i, j) = natural(column(f, i), column(f, j));
      }
    }
    void fill(factorization& f, float x) const {
      for (index_t p = 0; p < f.h.rows(); ++p) {
        if (column(f, p) >= f.channels) f.h(p, p) = x;
      }
    }
    /// In binary32 where damping allows it; elsewhere, and where that fails, in binary64.
    std::optional<index_t> factorize(factorization& f, double damping) const {
      constexpr index_t d = Q::dim;
      if (f.u.rows() == 0) f.u = matrix<float>(f.h.rows(), f.h.rows());
      if (drowns_roundings(f.damping, f.h.rows()) &&
          !linalg::factor_udu<float, float>(f.h, damping, d, f.u, executor)) {
        return std::nullopt;
      }
      return linalg::factor_udu<float, double>(f.h, damping, d, f.u, executor);
    }
  };

  /// Blocks of d columns by falling sum of H_jj, ties in their order.
  static std::vector<index_t> strongest_first(const std::vector<float>& importance) {
    const auto d = static_cast<index_t>(Q::dim);
    const auto strength = [&](index_t block) {
      const auto first = importance.begin() + block * d;
      return std::max(0.0f, std::accumulate(first, first + d, 0.0f));  // a NaN has no order
    };
    std::vector<index_t> order(importance.size() / static_cast<std::size_t>(d));
    std::iota(order.begin(), order.end(), index_t{0});
    std::sort(order.begin(), order.end(), [&](index_t a, index_t b) {
      const float of_a = strength(a), of_b = strength(b);
      return of_a != of_b ? of_a > of_b : a < b;
    });
    return order;
  }

  /// The column that is coded at position p.
  static index_t column(const factorization& f, index_t p) {
    constexpr index_t d = Q::dim;
    return f.order.empty() ? p : f.order[static_cast<std::size_t>(p / d)] * d + p % d;
  }

  template <class By>
  void factor_with_damping(factorization& f, const By& by) const {
    double trace = 0;
    for (const float h : f.importance) trace += static_cast<double>(h);
    const double mean = trace / static_cast<double>(f.channels - f.dead_channels);
    by.fill(f, static_cast<float>(mean));  // which needs a pivot, any
    f.damping = static_cast<double>(options.damping);
    for (f.attempts = 1;; ++f.attempts) {
      const std::optional<index_t> pivot = by.factorize(f, f.damping * mean);
      if (!pivot) break;
      if (f.damping >= 1) {
        fail("gptq: the Hessian is not positive definite at column ", *pivot, " with damping ",
             f.damping, " of its mean diagonal ", mean, ", after ", f.attempts, " attempts");
      }
      f.damping = std::min(1.0, std::max(1e-8, f.damping * 10));
    }
    by.fill(f, 0);
  }
};

}  // namespace openquant
