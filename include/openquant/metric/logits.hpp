// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/core/simd.hpp>

/// One token's logits, a register at a time: where their maximum is, and sums over the vocabulary
/// in double. Shared by `kl_divergence.hpp` and `perplexity.hpp`.
namespace openquant::metric {

/// Largest magnitude taken: four such numbers add up without overflow.
inline constexpr float largest_logit = 0x1p125f;

/// Logits j, j + 1, ...; lanes past the end of the row hold `fill`.
template <class Arch>
batch<Arch> load_logits(std::span<const float> row, index_t j, float fill) {
  constexpr index_t lanes = lane_count<batch<Arch>>;
  const index_t left = static_cast<index_t>(row.size()) - j;
  if (left >= lanes) return load<batch<Arch>>(row.data() + j);
  std::array<float, static_cast<std::size_t>(lanes)> padded;
  padded.fill(fill);
  std::copy_n(row.data() + j, left, padded.data());
  return load<batch<Arch>>(padded.data());
}

/// A sum of registers, each lane in double.
template <class Arch>
class wide_sum {
 public:
  void add(batch<Arch> x) {
    std::array<float, lanes> lane;
    store(x, lane.data());
    for (std::size_t l = 0; l < lanes; ++l) sums_[l] += static_cast<double>(lane[l]);
  }
  double total() const {
    double total = 0;
    for (double sum : sums_) total += sum;
    return total;
  }

 private:
  static constexpr auto lanes = static_cast<std::size_t>(lane_count<batch<Arch>>);
  std::array<double, lanes> sums_{};
};

/// The largest logit of a token, and the first index that has it.
struct logit_peak {
  float value;
  index_t index;
};

/// Shapes:  row : (vocab), vocab >= 1
/// Throws:  openquant::error naming the argument, token and index of the first logit that is not
///          finite or is beyond 2^125
/// Cost:    one pass over the row
template <class Arch = default_arch>
logit_peak find_peak(std::span<const float> row, std::string_view argument, index_t token) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  const auto vocab = static_cast<index_t>(row.size());
  lanes best = row[0], refused = 0.0f;
  lane_int_t<lanes> best_step = 0;
  for (index_t j = 0; j < vocab; j += width) {
    const lanes x = load_logits<Arch>(row, j, row[0]);
    // Negated, so that NaN is refused as well.
    refused = select(!(abs(x) <= lanes(largest_logit)), lanes(1.0f), refused);
    const auto larger = x > best;
    best = select(larger, x, best);
    best_step = select(larger, lane_int_t<lanes>(static_cast<std::int32_t>(j)), best_step);
  }
  if (reduce_add(refused) > 0) {
    for (index_t j = 0; j < vocab; ++j) {
      const float x = row[static_cast<std::size_t>(j)];
      if (!(std::fabs(x) <= largest_logit)) {
        fail(argument, ": logit ", j, " of token ", token, " is ", x);
      }
    }
  }
  std::array<float, static_cast<std::size_t>(width)> value;
  std::array<std::int32_t, static_cast<std::size_t>(width)> step;
  store(best, value.data());
  store(best_step, step.data());
  logit_peak peak{row[0], 0};
  for (index_t l = 0; l < width; ++l) {
    const float x = value[static_cast<std::size_t>(l)];
    // A lane that never rose above row[0] still says step 0, and must not count as its index.
    const index_t index = step[static_cast<std::size_t>(l)] + l;
    if (x > peak.value || (x == peak.value && x > row[0] && index < peak.index)) peak = {x, index};
  }
  return peak;
}

}  // namespace openquant::metric
