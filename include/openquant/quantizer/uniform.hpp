// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <string>
#include <tuple>
#include <type_traits>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/float16.hpp>
#include <openquant/core/lane_bits.hpp>

namespace openquant::quantizer {

/// Where a uniform quantizer's step comes from: the group's range; the least squared error on a
/// grid of steps and zero points; the same with every error weighted by the Hessian's diagonal.
enum class uniform_fit : std::uint8_t { range, mse, weighted };

/// Equally spaced levels: x ~ step (c - zero), c in {0, ..., 2^B - 1}.
///
/// Asymmetric: zero is an integer in [0, 2^B), so 0 is a level, and costs B bits a group beside
/// the step's 16. Symmetric: zero is 2^(B-1) and costs nothing (1/2 for B = 1: levels +-step/2).
///
/// Error:   |x - decode(encode(x))| <= step/2 inside the range
/// Bits:    B a weight; 16 + B (asymmetric) or 16 (symmetric) a group
/// Cost:    encode: one division, one rounding; fit by range: one pass, by mse or weighted: 29
///          passes, which try 29 candidates (symmetric) or 127 (asymmetric)
/// Source:  Frantar et al., "GPTQ", ICLR 2023 (format); Lin et al., "NeUQI", arXiv 2505.17595
///          (joint search of step and integer zero point under the Hessian's diagonal)
template <int B>
struct uniform {
  static_assert(1 <= B && B <= 8, "uniform<B>: B is 1 to 8 bits");
  static constexpr index_t dim = 1;
  static constexpr int code_bits = B;
  static constexpr index_t scale_fields = 2;  // step, zero
  static constexpr bool nearest = true, linear = true, integer_levels = true;
  static constexpr float max_code = static_cast<float>((1 << B) - 1);

  bool symmetric = false;
  uniform_fit fit_by = uniform_fit::weighted;

  static std::string name() { return "uniform<" + std::to_string(B) + ">"; }
  int scale_bits() const { return symmetric ? 16 : 16 + B; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.symmetric, self.fit_by);
  }

  template <class T>
  OPENQUANT_HD lane_int_t<T> encode(const vec<T, 1>& x, const vec<T, 2>& s) const {
    const T step = s[0], zero = s[1];
    const T inverse = select(step > T(0.0f), T(1.0f) / step, T(0.0f));
    // 0 comes first: where a step is so small that its inverse overflows, 0 * inverse is NaN.
    return to_int(min(max(T(0.0f), round_even(x[0] * inverse + zero)), T(max_code)));
  }

  template <class T, class Code>
  OPENQUANT_HD vec<T, 1> decode(const Code& c, const vec<T, 2>& s) const {
    return {(to_float(c) - s[1]) * s[0]};
  }

  /// A word of a row at a time, for registers of 16 lanes: a code is looked up as a number, which
  /// takes one operation where a mask and a conversion are two.
  static constexpr index_t lane_blocks = std::max(32 / B, 1);
  template <class T>
  requires(4 % B == 0 && has_register_tables<T> && lane_count<T> == 16) OPENQUANT_INLINE
      static lane_int_t<T> read_lanes(const std::int32_t* words, index_t) {
    return load_int<T>(words);
  }
  template <class T, index_t k>
  OPENQUANT_INLINE T lane_column(const lane_int_t<T>& word, const vec<T, 2>& s) const {
    constexpr vec<float, 16> number = [] {
      vec<float, 16> all{};
      for (index_t i = 0; i < 16; ++i) all[i] = static_cast<float>(i % (1 << B));
      return all;
    }();
    const lane_int_t<T> low = k == 0 ? word : word >> static_cast<int>(k * B);
    return (lookup(number.x, low) - s[1]) * s[0];
  }

  /// Step and zero for the group; the range is widened to contain 0.
  template <class T>
  OPENQUANT_HD vec<T, 2> fit(const group_view<T>& group) const {
    T low = T(0.0f), high = T(0.0f);
    for (index_t j = 0; j < group.size(); ++j) {
      low = min(low, group[j]);
      high = max(high, group[j]);
    }
    const T bound = max(high, T(0.0f) - low);
    const T range = symmetric ? bound + bound : high - low;
    const T step = range * T(1.0f / max_code);
    const T zero = symmetric ? T(symmetric_zero()) : zero_of(low, step);
    if (fit_by == uniform_fit::range) return {step, zero};
    const bool unweighted = fit_by == uniform_fit::mse || group.weightless();
    return search(unweighted ? group.unweighted() : group, step, zero);
  }

  OPENQUANT_HD std::uint64_t pack(const vec<float, 2>& s) const {
    const std::uint64_t step = to_float16(min(s[0], 65504.0f)).bits;  // the largest of fp16
    return symmetric ? step : step | static_cast<std::uint64_t>(s[1]) << 16;
  }
  OPENQUANT_HD vec<float, 2> unpack(std::uint64_t bits) const {
    const float step = to_float(float16{static_cast<std::uint16_t>(bits)});
    return {step, symmetric ? symmetric_zero() : static_cast<float>(bits >> 16)};
  }

 private:
  OPENQUANT_HD static constexpr float symmetric_zero() {
    return B == 1 ? 0.5f : (max_code + 1) / 2;
  }

  template <class T>
  OPENQUANT_HD static T zero_of(T low, T step) {
    const T steps = select(step > T(0.0f), (T(0.0f) - low) / step, T(0.0f));
    return min(max(round_even(steps), T(0.0f)), T(max_code));
  }

  /// Coarse: steps from the given one down to 0.135 of it in ratios of 0.9, zeros up to 2 away.
  /// Fine: +-5 % around the best in steps of 1.25 %, zeros up to 1 away.
  template <class T>
  OPENQUANT_HD vec<T, 2> search(const group_view<T>& group, T step, T zero) const {
    const auto shrunk = [&](index_t k) {
      float shrink = 1.0f;
      for (index_t i = 0; i < k; ++i) shrink *= 0.9f;
      return step * T(shrink);
    };
    const vec<T, 2> coarse =
        symmetric ? best_of<1>(group, 20, shrunk, zero) : best_of<5>(group, 20, shrunk, zero);
    const auto stretched = [&](index_t k) {
      return coarse[0] * T(1.0f + 0.0125f * static_cast<float>(k - 4));
    };
    return symmetric ? best_of<1>(group, 9, stretched, coarse[1])
                     : best_of<3>(group, 9, stretched, coarse[1]);
  }

  /// The step and zero of least loss sum_j h_j (x_j - decode(encode(x_j)))^2 among step(0), ...,
  /// step(steps - 1), each with the `zeros` zeros around the one given; the first of equals. As
  /// `best_scale`, but the zeros, which are whole numbers apart, share the rounding.
  template <index_t zeros, class T, class Step>
  OPENQUANT_HD static vec<T, 2> best_of(const group_view<T>& group, index_t steps, const Step& step,
                                        T zero) {
    vec<T, zeros> least, greatest;  // the levels' ends, in steps
    OPENQUANT_UNROLL
    for (index_t i = 0; i < zeros; ++i) {
      const index_t away = i - zeros / 2;
      const T middle = zero + T(static_cast<float>(away));
      least[i] = T(0.0f) - (zeros == 1 ? zero : min(max(middle, T(0.0f)), T(max_code)));
      greatest[i] = least[i] + T(max_code);
    }
    const auto losses = [&](T s) {
      const T inverse = select(s > T(0.0f), T(1.0f) / s, T(0.0f));
      vec<T, zeros> sum;
      OPENQUANT_UNROLL
      for (index_t i = 0; i < zeros; ++i) sum[i] = T(0.0f);
      for (index_t j = 0; j < group.size(); ++j) {
        const T x = group[j] * inverse, h = T(group.weight(j));
        const T level = round_even(x + zero) - zero;
        OPENQUANT_UNROLL
        for (index_t i = 0; i < zeros; ++i) {
          const T error = x - min(max(level, least[i]), greatest[i]);
          sum[i] = sum[i] + h * (error * error);
        }
      }
      return sum * (s * s);
    };
    if constexpr (std::is_same_v<T, float>) {
      if (group.searched_by_team()) {
        using entry = team::entry<vec<T, 2>>;
        entry best;
        group.team().least(steps, best, [&](index_t k, entry& mine) {
          const T s = step(k);
          const vec<T, zeros> loss = losses(s);
          OPENQUANT_UNROLL
          for (index_t i = 0; i < zeros; ++i) {
            const auto number = static_cast<std::int32_t>(k * zeros + i);
            mine.consider(loss[i], number, {s, 0 - least[i]}, number == 0);
          }
        });
        return best.value;
      }
    }
    T best_loss = T(0.0f);
    vec<T, 2> best = {step(index_t{0}), T(0.0f) - least[0]};
    for (index_t k = 0; k < steps; ++k) {
      const T s = step(k);
      const vec<T, zeros> loss = losses(s);
      OPENQUANT_UNROLL
      for (index_t i = 0; i < zeros; ++i) {
        const auto better = k == 0 && i == 0 ? loss[i] >= T(0.0f) : loss[i] < best_loss;
        best_loss = select(better, loss[i], best_loss);
        best[0] = select(better, s, best[0]);
        best[1] = select(better, T(0.0f) - least[i], best[1]);
      }
    }
    return best;
  }
};

static_assert(Quantizer<uniform<1>> && Quantizer<uniform<8>>);

}  // namespace openquant::quantizer
