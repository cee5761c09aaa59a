// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/float16.hpp>
#include <openquant/core/lane_bits.hpp>
#include <openquant/quantizer/gaussian_codebook.hpp>
#include <openquant/quantizer/scale_search.hpp>

namespace openquant::quantizer {

/// Where the scale sigma comes from: the group's L2 norm, sigma = |x| / sqrt(g); that norm
/// times |x| / |x_hat|, x_hat decoded with it (TurboQuant's norm correction); the least squared
/// error on a grid around it; the same weighted by the Hessian's diagonal.
enum class lloyd_max_fit : std::uint8_t { norm, corrected_norm, mse, weighted };

/// The 2^B levels of least squared error for N(0,1), times a scale a group. With a Hadamard
/// rotation in front, which makes groups nearly Gaussian, this is the TurboQuant recipe.
///
/// Error:   0.36338, 0.11748, 0.034548, 0.009501 sigma^2 at B = 1, 2, 3, 4 on N(0, sigma^2)
/// Bits:    B a weight, 16 a group
/// Cost:    2^(B-1) + 1 comparisons to encode, one look-up among at most 64 levels to decode
/// Source:  Max 1960; Zandieh et al., "TurboQuant", arXiv 2504.19874, Sec. 3.1
template <int B>
struct lloyd_max {
  static_assert(1 <= B && B <= 6, "lloyd_max<B>: B is 1 to 6 bits");
  static constexpr index_t dim = 1;
  static constexpr int code_bits = B;
  static constexpr index_t scale_fields = 1;  // sigma
  static constexpr bool nearest = true, linear = true, ignores_high_bits = true;
  static constexpr index_t half = index_t{1} << (B - 1);
  static constexpr half_codebook<half> codebook = gaussian_codebook<half>();
  /// All levels, ascending; fewer than 16 are repeated.
  static constexpr auto levels = [] {
    constexpr index_t size = 2 * half < 16 ? 16 : 2 * half;
    vec<float, size> all{};
    for (index_t i = 0; i < size; ++i) {
      const index_t c = i % (2 * half);
      const double level = c < half ? -codebook.level[half - 1 - c] : codebook.level[c - half];
      all[i] = static_cast<float>(level);
    }
    return all;
  }();

  lloyd_max_fit fit_by = lloyd_max_fit::weighted;

  static std::string name() { return "lloyd_max<" + std::to_string(B) + ">"; }
  int scale_bits() const { return 16; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.fit_by);
  }

  /// Codes ascend with the levels: the k-th positive level is half + k, its mirror half - 1 - k.
  template <class T>
  OPENQUANT_HD lane_int_t<T> encode(const vec<T, 1>& x, const vec<T, 1>& s) const {
    const T u = abs(x[0]) * select(s[0] > T(0.0f), T(1.0f) / s[0], T(0.0f));
    T k = T(0.0f);
    for_each_level([&](auto constant) {
      constexpr index_t i = decltype(constant)::value;
      constexpr float threshold = static_cast<float>(codebook.threshold[i]);
      if constexpr (i > 0) k = select(u > T(threshold), T(static_cast<float>(i)), k);
    });
    return to_int(T(static_cast<float>(half)) + select(x[0] < T(0.0f), T(-1.0f) - k, k));
  }

  template <class T, class Code>
  OPENQUANT_HD vec<T, 1> decode(const Code& c, const vec<T, 1>& s) const {
    constexpr auto table = levels;  // a copy, which device code can index
    return {lookup(table.x, c) * s[0]};
  }

  static constexpr index_t table_size = levels.size();
  static std::span<const float, table_size> table() { return levels.x; }
  template <class T, class Code>
  OPENQUANT_HD vec<T, 1> decode(const Code& c, const vec<T, 1>& s, const float* level) const {
    return {gather(level, c & Code(table_size - 1)) * s[0]};
  }

  static constexpr float loss_unit = 1;
  /// The least of the squared distances from all levels, times h: no code is needed.
  template <class T>
  OPENQUANT_HD T loss(const vec<T, 1>& u, const vec<T, 1>& h) const {
    const T y = abs(u[0]);
    const auto squared = [&](T level) { return (y - level) * (y - level); };
    if constexpr (half >= 4 && has_register_tables<T>) {
      const T place = min(T(static_cast<float>(places::count - 1)), y * T(near.per_unit));
      const auto i = to_int(round_even(place));
      return h[0] * min(squared(lookup(near.below.x, i)), squared(lookup(near.above.x, i)));
    } else {
      T least = squared(T(static_cast<float>(codebook.level[0])));
      for_each_level([&](auto constant) {
        constexpr index_t i = decltype(constant)::value;
        constexpr float level = static_cast<float>(codebook.level[i]);
        if constexpr (i > 0) least = min(least, squared(T(level)));
      });
      return h[0] * least;
    }
  }

  template <class T>
  OPENQUANT_HD vec<T, 1> fit(const group_view<T>& group) const {
    T energy = T(0.0f);
    for (index_t j = 0; j < group.size(); ++j) energy = energy + group[j] * group[j];
    const T sigma = sqrt(energy * T(1.0f / static_cast<float>(group.size())));
    if (fit_by == lloyd_max_fit::norm) return {sigma};
    if (fit_by == lloyd_max_fit::corrected_norm) return {sigma * norm_ratio(group, energy, sigma)};
    const bool unweighted = fit_by == lloyd_max_fit::mse || group.weightless();
    return search(unweighted ? group.unweighted() : group, sigma);
  }

  OPENQUANT_HD std::uint64_t pack(const vec<float, 1>& s) const {
    return to_float16(min(s[0], 65504.0f)).bits;  // the largest of fp16
  }
  OPENQUANT_HD vec<float, 1> unpack(std::uint64_t bits) const {
    return {to_float(float16{static_cast<std::uint16_t>(bits)})};
  }

 private:
  /// Places in which an error is looked up: place i is [i - 1/2, i + 1/2) over `per_unit`, the last
  /// one all beyond. At most one threshold lies in each, so that the nearest level is `below` or
  /// `above`.
  struct places {
    static constexpr index_t count = half <= 8 ? 16 : half <= 16 ? 32 : 64;
    float per_unit;
    vec<float, count> below, above;
  };
  /// As few places a unit as keep the thresholds apart, and inside by a margin.
  static constexpr places near = [] {
    places p{};
    double per_unit = 1;
    const auto place = [&](double x) {
      const auto below = static_cast<index_t>(x * per_unit);
      return x * per_unit - static_cast<double>(below) < 0.5 ? below : below + 1;
    };
    const auto apart = [&] {
      for (index_t k = 1; k < half; ++k) {
        const double t = codebook.threshold[k], margin = 0.001;
        if (place(t - margin) != place(t + margin)) return false;
        if (k > 1 && place(codebook.threshold[k - 1]) == place(t)) return false;
      }
      return true;
    };
    while (!apart()) per_unit += 0.0625;
    p.per_unit = static_cast<float>(per_unit);
    for (index_t i = 0; i < places::count; ++i) {
      index_t k = 0;
      while (k + 2 < half && place(codebook.threshold[k + 1]) < i) ++k;
      p.below[i] = static_cast<float>(codebook.level[k]);
      p.above[i] = static_cast<float>(codebook.level[k + 1 < half ? k + 1 : k]);
    }
    return p;
  }();
  static_assert(codebook.threshold[half - 1] * static_cast<double>(near.per_unit) <
                static_cast<double>(places::count) - 0.5);

  /// f(integral_constant k) for k = 0, ..., half - 1, written out: no table is read at run time.
  template <class F>
  OPENQUANT_HD static void for_each_level(const F& f) {
    [&]<index_t... I>(std::integer_sequence<index_t, I...>) {
      (f(std::integral_constant<index_t, I>{}), ...);
    }
    (std::make_integer_sequence<index_t, half>{});
  }

  /// |x| / |x_hat| for the group coded with sigma.
  template <class T>
  OPENQUANT_HD T norm_ratio(const group_view<T>& group, T energy, T sigma) const {
    T decoded = T(0.0f);
    for (index_t j = 0; j < group.size(); ++j) {
      const T x_hat = decode(encode<T>({group[j]}, {sigma}), vec<T, 1>{sigma})[0];
      decoded = decoded + x_hat * x_hat;
    }
    return select(decoded > T(0.0f), sqrt(energy / decoded), T(1.0f));
  }

  /// Coarse: 0.70 to 1.30 of sigma in twentieths. Fine: up to 4 % to either side of the best in
  /// whole percents.
  template <class T>
  OPENQUANT_HD vec<T, 1> search(const group_view<T>& group, T sigma) const {
    scale_search<T, lloyd_max> search(*this, group);
    search.among(13, [&](index_t k) -> vec<T, 1> {
      return {sigma * T(0.70f + 0.05f * static_cast<float>(k))};
    });
    const T coarse = search.best()[0];
    search.among(8, [&](index_t k) -> vec<T, 1> {  // k = 4 would be the best itself
      return {coarse * T(0.96f + 0.01f * static_cast<float>(k < 4 ? k : k + 1))};
    });
    return search.best();
  }
};

// The tests have B = 6, whose codebook takes the compiler long.
static_assert(Quantizer<lloyd_max<1>> && Quantizer<lloyd_max<3>>);

}  // namespace openquant::quantizer
