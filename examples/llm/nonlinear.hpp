// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <iterator>
#include <span>

#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>

/// The maps of a decoder that are not products, a register of the machine at a time.
namespace llm {

namespace oq = openquant;

/// out <- x / sqrt(mean(x^2) + eps) * weight, row by row. `out` may be `x`.
///
/// Shapes:  x, out : (tokens, n), weight : (n)
template <class Arch = oq::default_arch>
void rms_norm(oq::matrix_view<const float> x, std::span<const float> weight, float eps,
              oq::matrix_view<float> out) {
  using lanes = oq::batch<Arch>;
  constexpr oq::index_t width = oq::lane_count<lanes>;
  const oq::index_t n = x.cols(), whole = n - n % width;
  for (oq::index_t t = 0; t < x.rows(); ++t) {
    const float* from = x.row(t).data();
    float* to = out.row(t).data();
    lanes squares = 0.0f;
    for (oq::index_t j = 0; j < whole; j += width) {
      const lanes v = oq::load<lanes>(from + j);
      squares = mul_add(v, v, squares);
    }
    float sum = reduce_add(squares);
    for (oq::index_t j = whole; j < n; ++j) sum += from[j] * from[j];
    const float scale = 1 / std::sqrt(sum / static_cast<float>(n) + eps);
    for (oq::index_t j = 0; j < n; ++j)
      to[j] = from[j] * scale * weight[static_cast<std::size_t>(j)];
  }
}

/// x <- exp(x - max x) / sum exp(x - max x), for one row of at least one number.
template <class Arch = oq::default_arch>
void softmax(std::span<float> x) {
  using lanes = oq::batch<Arch>;
  constexpr oq::index_t width = oq::lane_count<lanes>;
  const oq::index_t n = std::ssize(x), whole = n - n % width;
  float* p = x.data();
  float largest = p[0];
  for (oq::index_t j = 1; j < n; ++j) largest = oq::max(largest, p[j]);
  lanes sums = 0.0f;
  for (oq::index_t j = 0; j < whole; j += width) {
    const lanes e = exp(oq::load<lanes>(p + j) - lanes(largest));
    store(e, p + j);
    sums = sums + e;
  }
  float sum = reduce_add(sums);
  for (oq::index_t j = whole; j < n; ++j) sum += p[j] = std::exp(p[j] - largest);
  const float scale = 1 / sum;
  for (oq::index_t j = 0; j < n; ++j) p[j] *= scale;
}

/// gate <- silu(gate) * up, silu(x) = x / (1 + exp(-x)), element by element.
///
/// Shapes:  gate, up : (tokens, n)
template <class Arch = oq::default_arch>
void swiglu(oq::matrix_view<float> gate, oq::matrix_view<const float> up) {
  using lanes = oq::batch<Arch>;
  constexpr oq::index_t width = oq::lane_count<lanes>;
  const oq::index_t n = gate.cols(), whole = n - n % width;
  for (oq::index_t t = 0; t < gate.rows(); ++t) {
    float* g = gate.row(t).data();
    const float* u = up.row(t).data();
    for (oq::index_t j = 0; j < whole; j += width) {
      const lanes x = oq::load<lanes>(g + j);
      store(x / (lanes(1.0f) + exp(-x)) * oq::load<lanes>(u + j), g + j);
    }
    for (oq::index_t j = whole; j < n; ++j) g[j] = g[j] / (1 + std::exp(-g[j])) * u[j];
  }
}

}  // namespace llm
