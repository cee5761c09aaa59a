// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cmath>

#include <openquant/layer/quantized.hpp>
#include <openquant/linalg/hadamard.hpp>
#include <openquant/rotation/identity.hpp>

#include "layer/random_codes.hpp"
#include "worst.hpp"

namespace openquant::test {

/// A quantized matrix of random codes and tokens x for it, W_hat and y = x W_hat^T in the original
/// basis: in double, with what rounding may cost a product by kernels, and as the CPU has them.
template <Quantizer Q, Rotation R, Equalizer E>
struct product_case {
  quantized<Q, R, E> q;
  matrix<float> x;
  matrix<double> w, w_bound, y, y_bound;
  matrix<float> host_w, host_y;
};

/// What a product is to be made of. `x_rounding`, `y_rounding`: of the number formats in which the
/// transformed x, and y, are stored.
struct product_options {
  index_t m, n, tokens = 3;
  bool equalized = false;
  double x_rounding = 0, y_rounding = 0;
};

/// T = R S^-1 in double, and the roundings of a term of T x.
struct side {
  matrix<double> t;
  double roundings = 4;  // of diagonals, their product with a scale, and the scale's division

  side(index_t n, const auto& bound, const std::vector<float16>& s) : t(n, n) {
    for (index_t j = 0; j < n; ++j) {  // R of a unit vector has no sum to round
      std::vector<float> unit(static_cast<std::size_t>(n));
      unit[static_cast<std::size_t>(j)] = 1;
      bound.apply(std::span<float>(unit));
      const double scale =
          s.empty() ? 1.0 : static_cast<double>(to_float(s[static_cast<std::size_t>(j)]));
      for (index_t i = 0; i < n; ++i) {
        t(i, j) = static_cast<double>(unit[static_cast<std::size_t>(i)]) / scale;
      }
    }
    if constexpr (requires { bound.block(); }) {
      const auto size = linalg::split_hadamard(bound.block());
      roundings += static_cast<double>((size->m == 1 ? 0 : size->m) +
                                       std::countr_zero(static_cast<std::uint64_t>(size->power)));
    }
  }
};

/// That of outputs; the identity where R does not turn them.
template <Rotation R>
side output_side(const R& r, index_t m) {
  if constexpr (TwoSidedRotation<R>)
    return {m, r.bind_outputs(m), {}};
  else
    return {m, rotation::identity{}.bind(m), {}};
}

template <class Arch, Quantizer Q, Rotation R, Equalizer E>
product_case<Q, R, E> make_product_case(const R& r, const product_options& of) {
  constexpr double u = 0x1p-24;
  const index_t m = of.m, n = of.n, tokens = of.tokens;
  std::vector<float> s;
  for (index_t j = 0; of.equalized && j < n; ++j) {
    s.push_back(std::exp2(random::normal(8, static_cast<std::uint64_t>(j))));
  }
  product_case<Q, R, E> result{quantized<Q, R, E>(Q{}, r, E{}, m, n, 32, basis<R>(r, n, s)),
                               matrix<float>(tokens, n),
                               matrix<double>(m, n),
                               matrix<double>(m, n),
                               matrix<double>(tokens, m),
                               matrix<double>(tokens, m),
                               matrix<float>(m, n),
                               matrix<float>(tokens, m)};
  auto& [q, x, w, w_bound, y, y_bound, host_w, host_y] = result;
  const strip_shape<Q> shape{n, q.group_size()};
  q.packed() = random_codes(Q{}, m, shape, 3);
  q.complete(0.25f, {});
  for (index_t i = 0; i < tokens * n; ++i) {  // exact in every format
    const auto at = static_cast<std::uint64_t>(i);
    x.data()[i] = std::round(32 * random::normal(4, at)) / 32;
  }
  host_w = q.template dequantize<Arch>();
  q.template multiply<Arch>(x, host_y);

  matrix<float> codes = decoded(Q{}, q.packed(), shape);
  matrix<float> sizes = term_sizes(Q{}, q.packed(), shape, codes);
  for (index_t i = 0; i < m * n; ++i) codes.data()[i] *= 0.25f, sizes.data()[i] *= 0.25f;
  const side in(n, q.inputs().rotation(), q.inputs().scales());
  const side out = output_side(r, m);
  const double out_rounding = TwoSidedRotation<R> ? out.roundings * u : 0.0;

  for (index_t t = 0; t < tokens; ++t) {
    std::vector<double> turned(static_cast<std::size_t>(n)), off(turned);
    std::vector<double> product(static_cast<std::size_t>(m)), product_off(product);
    for (index_t l = 0; l < n; ++l) {
      double sum = 0, size = 0;
      for (index_t j = 0; j < n; ++j) {
        const double term = in.t(l, j) * static_cast<double>(x(t, j));
        sum += term, size += std::fabs(term);
      }
      const auto at = static_cast<std::size_t>(l);
      turned[at] = sum;
      off[at] = in.roundings * u * size + of.x_rounding * std::fabs(sum);
    }
    for (index_t i = 0; i < m; ++i) {
      double sum = 0, error = 0;
      for (index_t l = 0; l < n; ++l) {
        const auto at = static_cast<std::size_t>(l);
        sum += static_cast<double>(codes(i, l)) * turned[at];
        error += static_cast<double>(sizes(i, l)) *
                 (off[at] + static_cast<double>(n + 16) * u * std::fabs(turned[at]));
      }
      const auto at = static_cast<std::size_t>(i);
      product[at] = sum;
      product_off[at] = error + of.y_rounding * std::fabs(sum);
    }
    for (index_t i = 0; i < m; ++i) {
      double sum = 0, error = 0;
      for (index_t k = 0; k < m; ++k) {
        const auto at = static_cast<std::size_t>(k);
        const double size = std::fabs(out.t(k, i));
        sum += out.t(k, i) * product[at];
        error += size * (product_off[at] + out_rounding * std::fabs(product[at]));
      }
      y(t, i) = sum;
      y_bound(t, i) = error + (TwoSidedRotation<R> ? of.y_rounding * std::fabs(sum) : 0.0);
    }
  }
  for (index_t i = 0; i < m; ++i) {
    std::vector<double> row(static_cast<std::size_t>(n)), off(row);
    for (index_t k = 0; k < m; ++k) {
      if (out.t(k, i) == 0) continue;
      for (index_t l = 0; l < n; ++l) {
        const double term = out.t(k, i) * static_cast<double>(codes(k, l));
        row[static_cast<std::size_t>(l)] += term;
        off[static_cast<std::size_t>(l)] += out_rounding * std::fabs(term);
      }
    }
    for (index_t l = 0; l < n; ++l) {
      const auto at = static_cast<std::size_t>(l);
      for (index_t j = 0; j < n; ++j) {
        w(i, j) += row[at] * in.t(l, j);
        w_bound(i, j) += std::fabs(in.t(l, j)) * (off[at] + in.roundings * u * std::fabs(row[at]));
      }
    }
  }
  return result;
}

/// The largest error over its bound.
template <class T>
double error_over_bound(const matrix<T>& found, const matrix<double>& exact,
                        const matrix<double>& bound) {
  double most = 0;
  for (index_t i = 0; i < exact.rows() * exact.cols(); ++i) {
    const double error = std::fabs(static_cast<double>(found.data()[i]) - exact.data()[i]);
    if (error != 0) most = worst(most, error / bound.data()[i]);
  }
  return most;
}

}  // namespace openquant::test
