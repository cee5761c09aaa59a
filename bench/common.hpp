// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/metric/gaussian.hpp>

/// What the benches share. Including it makes a program refuse to run with assertions on: they cost
/// more than what is timed.
namespace openquant::bench {

inline const bool assertions_are_off = [] {
#if !defined(NDEBUG)
  std::fputs("bench: assertions are on; build with CMAKE_BUILD_TYPE=Release\n", stderr);
  std::exit(EXIT_FAILURE);
#endif
  return true;
}();

/// Seconds since its construction.
struct stopwatch {
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

/// A panel of N(0,1) weights as the solver holds it: weight j of a row in every lane lies at
/// j * lanes. Each group of at least 128 weights a row has its own scale.
template <Quantizer Q>
class gaussian_panel {
 public:
  using lane = batch<default_arch>;
  static constexpr index_t lanes = lane_count<lane>, dim = Q::dim;
  static constexpr index_t group_points = (128 + dim - 1) / dim, groups = 8;
  static constexpr index_t points = group_points * groups;
  static constexpr index_t weights = points * dim * lanes;

  explicit gaussian_panel(const Q& q) : q_(q), w_(weights), codes_(points * lanes) {
    for (std::size_t i = 0; i < w_.size(); ++i) w_[i] = random::normal(1, i);
    for (index_t g = 0; g < groups; ++g) {
      const float* group = &w_[static_cast<std::size_t>(g * group_points * dim * lanes)];
      scales_.push_back(q.fit(group_view<lane>(group, lanes, group_points * dim)));
    }
  }

  /// Every row at once, one in each lane.
  void encode_lanes() {
    for (index_t p = 0; p < points; ++p) {
      vec<lane, dim> x;
      for (index_t k = 0; k < dim; ++k) x[k] = lane::load(&w_[index(p, k)]);
      store(q_.encode(x, scales_[static_cast<std::size_t>(p / group_points)]), &codes_[index(p)]);
    }
    benchmark::DoNotOptimize(codes_.data());
    benchmark::ClobberMemory();
  }

  /// The same codes, one row after the other.
  void encode_scalar() {
    for (index_t p = 0; p < points; ++p) {
      const auto& scale = scales_[static_cast<std::size_t>(p / group_points)];
      float fields[Q::scale_fields][lanes];
      for (index_t k = 0; k < Q::scale_fields; ++k) store(scale[k], fields[k]);
      for (index_t row = 0; row < lanes; ++row) {
        point_t<Q> x;
        scale_t<Q> s;
        for (index_t k = 0; k < dim; ++k) x[k] = w_[index(p, k) + static_cast<std::size_t>(row)];
        for (index_t k = 0; k < Q::scale_fields; ++k) s[k] = fields[k][row];
        codes_[index(p) + static_cast<std::size_t>(row)] = q_.encode(x, s);
      }
    }
    benchmark::DoNotOptimize(codes_.data());
    benchmark::ClobberMemory();
  }

  const std::vector<std::int32_t>& codes() const { return codes_; }

 private:
  static std::size_t index(index_t p, index_t k) {
    return static_cast<std::size_t>((p * dim + k) * lanes);
  }
  static std::size_t index(index_t p) { return static_cast<std::size_t>(p * lanes); }

  Q q_;
  std::vector<float> w_;
  std::vector<std::int32_t> codes_;
  std::vector<scale_t<Q, lane>> scales_;
};

/// Speed and quality of a quantizer in one row: weights encoded a second by the lanes, how many
/// times the scalar path of the same source that is, bits a weight and error on N(0,1). An encoder
/// whose lanes and scalars disagree is an error, not a row.
///
///   BENCHMARK(openquant::bench::quantizer_bench<openquant::quantizer::uniform<4>>);
template <Quantizer Q>
void quantizer_bench(benchmark::State& state, const Q& q) {
  gaussian_panel<Q> panel(q);

  double scalar_seconds = std::numeric_limits<double>::max();
  for (int k = 0; k < 5; ++k) {
    const stopwatch watch;
    panel.encode_scalar();
    scalar_seconds = std::min(scalar_seconds, watch.seconds());
  }
  const auto scalar_codes = panel.codes();
  panel.encode_lanes();
  if (panel.codes() != scalar_codes) {
    return state.SkipWithError("the lanes and the scalar path give different codes");
  }

  const stopwatch watch;
  for (auto _ : state) panel.encode_lanes();
  const double lane_seconds = watch.seconds() / static_cast<double>(state.iterations());

  constexpr index_t samples = index_t{1} << 18;
  const auto distortion = metric::gaussian(q, samples, 2);
  state.counters["weights_per_second"] =
      static_cast<double>(gaussian_panel<Q>::weights) / lane_seconds;
  state.counters["times_scalar"] = scalar_seconds / lane_seconds;
  state.counters["bits"] = distortion.bits;
  state.counters["mse"] = distortion.mse;
}

template <Quantizer Q>
void quantizer_bench(benchmark::State& state) {
  quantizer_bench(state, Q{});
}

}  // namespace openquant::bench
