// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <openquant/layer/plan.hpp>
#include <openquant/layer/solve.hpp>

namespace openquant {

struct round_to_nearest_options {
  index_t group_size = 128;  ///< columns that share a scale; -1: the whole row
};

/// Rounds each weight by itself, in the basis of E and R.
///
///   auto q = round_to_nearest<quantizer::uniform<8>>{}.quantize(w);
template <Quantizer Q, Rotation R = rotation::identity, Equalizer E = equalizer::identity>
struct round_to_nearest {
  [[no_unique_address]] Q quantizer{};
  [[no_unique_address]] R rotation{};
  [[no_unique_address]] E equalizer{};
  round_to_nearest_options options{};

  /// Memory for an (m, n) layer with data: 4 n^2 bytes for H', 4 m n for the transformed weights,
  /// and about 2600 n for each slab of rows at work, of which there are as many as the executor has
  /// threads; where n is no whole blocks of d, 8 n^2 at least, while H' is filled up. Without data
  /// it is 4 n^2 less. Throws openquant::error where m, n or the group size is none.
  template <class Arch = default_arch>
  [[nodiscard]] memory_plan plan(index_t m, index_t n, index_t threads = 1) const {
    using result = quantized<Q, R, E>;
    memory_plan p;
    p.output = result::packed_bytes(quantizer, m, n, options.group_size);
    const index_t whole = whole_blocks(n, Q::dim), g = result::resolve(n, options.group_size);
    const index_t filling = whole == n ? 0 : 4 * (n * n + whole * whole);  // of H', before W
    p.workspace = std::max(filling - p.output, 4 * (whole * whole + whole) +
                                                   solver_bytes<Arch, Q>(m, n, g, threads, false));
    return p;
  }

  /// Without data: every input channel counts the same. An equalizer needs data and throws.
  template <class Arch = default_arch, Executor X = serial>
  [[nodiscard]] quantized<Q, R, E> quantize(matrix_view<const float> w, X&& executor = {}) const {
    if (!equalizer.scales(std::vector<float>(1, 1.0f)).empty()) {
      fail("round_to_nearest: ", E::name(), " needs the Hessian; call quantize(w, h)");
    }
    return run<Arch>(w, basis<R>(rotation, w.cols(), std::vector<float>{}), matrix<float>{}, 0, 0,
                     executor);
  }

  /// With data: h gives the equalizer's scales and weighs the errors in the search of scales.
  template <class Arch = default_arch, Executor X = serial>
  [[nodiscard]] quantized<Q, R, E> quantize(matrix_view<const float> w, const hessian& h,
                                            X&& executor = {}) const {
    if (w.cols() != h.size()) {
      fail("round_to_nearest: w is (", w.rows(), ", ", w.cols(), "), the Hessian is of order ",
           h.size());
    }
    if (h.tokens() == 0) {
      fail("round_to_nearest: the Hessian has seen no tokens; call quantize(w)");
    }
    const basis<R> to(rotation, h.size(), equalizer.scales(h.diagonal()));
    return run<Arch>(w, to, solver_hessian(h, to, Q::dim, executor), h.tokens(),
                     static_cast<index_t>(h.dead_channels().size()), executor);
  }

 private:
  /// h : (n', n') in the basis of the codes, n' whole blocks, or empty.
  template <class Arch, class X>
  quantized<Q, R, E> run(matrix_view<const float> w, const basis<R>& to, const matrix<float>& h,
                         index_t tokens, index_t dead, X& executor) const {
    quantized<Q, R, E> result(quantizer, rotation, equalizer, w.rows(), w.cols(),
                              options.group_size, to);
    const solver_weights weights(w, quantizer, to, result.outputs(), executor);
    std::vector<float> importance;
    for (index_t j = 0; j < h.rows(); ++j) importance.push_back(h(j, j));
    const panel_problem problem{weights.w, {}, importance, {}, result.group_size()};
    const solver_errors errors = solve<Arch>(quantizer, problem, h, result.packed(), executor);
    result.complete(weights.unit,
                    {tokens, dead, 0, 0, errors.with_feedback, errors.round_to_nearest});
    return result;
  }
};

}  // namespace openquant
