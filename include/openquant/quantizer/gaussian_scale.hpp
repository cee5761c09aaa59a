// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <openquant/core/float16.hpp>
#include <openquant/quantizer/scale_search.hpp>

namespace openquant::quantizer {

/// Where the one scale sigma of a codebook for N(0, sigma^2) comes from: the root mean square of
/// the group; the least squared error on a grid around it; the same weighted by the Hessian's
/// diagonal; or nowhere, sigma = 1 and nothing is stored. A quantizer has it as its option fit_by,
/// and its scale_bits, fit, pack and unpack are the functions of this header.
enum class gaussian_fit : std::uint8_t { norm, mse, weighted, none };

/// The grid: 0.80 to 1.20 of the root mean square in twentieths, then 2 and 4 % to either side of
/// the best. Where there is a `rough` quantizer, which tells losses nearly as good for less, of the
/// first nine only two are candidates, by those losses the best of 0.80, 0.90, ... and of 0.85,
/// 0.95, ...
///
/// Shapes:  group : (g), g a multiple of Q::dim
/// Cost:    13 candidates of a scale_search, or 6 and 9 rough ones; one pass by norm
template <class T, class Q, class Rough = std::nullptr_t>
OPENQUANT_HD vec<T, 1> fit_gaussian_scale(const Q& q, const group_view<T>& group,
                                          gaussian_fit fit_by, const Rough& rough = {}) {
  if (fit_by == gaussian_fit::none) return {T(1.0f)};
  T energy = T(0.0f);
  for (index_t j = 0; j < group.size(); ++j) energy = energy + group[j] * group[j];
  const T sigma = sqrt(energy * T(1.0f / static_cast<float>(group.size())));
  if (fit_by == gaussian_fit::norm) return {sigma};
  const bool unweighted = fit_by == gaussian_fit::mse || group.weightless();
  const group_view<T> counted = unweighted ? group.unweighted() : group;
  const auto twentieth = [&](index_t k) -> vec<T, 1> {
    return {sigma * T(0.80f + 0.05f * static_cast<float>(k))};
  };
  scale_search<T, Q> search(q, counted);
  if constexpr (std::is_same_v<Rough, std::nullptr_t>) {
    search.among(9, twentieth);
  } else {
    vec<T, 2> best;
    for (index_t odd = 0; odd < 2; ++odd) {
      best[odd] = best_scale<T>(rough, counted, 5 - odd,
                                [&](index_t k) { return twentieth(2 * k + odd); })[0];
    }
    search.among(2, [&](index_t k) -> vec<T, 1> { return {best[k]}; });
  }
  const T coarse = search.best()[0];
  search.among(4, [&](index_t k) -> vec<T, 1> {  // k = 2 would be the best itself
    return {coarse * T(0.96f + 0.02f * static_cast<float>(k < 2 ? k : k + 1))};
  });
  return search.best();
}

/// Bits a group that sigma is stored in: those of fp16, or none.
inline int gaussian_scale_bits(gaussian_fit fit_by) {
  return fit_by == gaussian_fit::none ? 0 : 16;
}

/// sigma >= 0 as the nearest fp16, at most the largest finite one.
OPENQUANT_HD inline std::uint64_t pack_gaussian_scale(const vec<float, 1>& s, gaussian_fit fit_by) {
  return fit_by == gaussian_fit::none ? 0 : to_float16(min(s[0], 65504.0f)).bits;
}

/// The sigma of these bits.
OPENQUANT_HD inline vec<float, 1> unpack_gaussian_scale(std::uint64_t bits, gaussian_fit fit_by) {
  if (fit_by == gaussian_fit::none) return {1.0f};
  return {to_float(float16{static_cast<std::uint16_t>(bits)})};
}

}  // namespace openquant::quantizer
