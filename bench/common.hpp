// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <vector>

#include <openquant/concepts/tile.hpp>
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

/// Seconds of the calling thread's own time since construction: what else the machine does does not
/// count.
class stopwatch {
 public:
  double seconds() const { return now() - start_; }

 private:
  static double now() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
  double start_ = now();
};

/// Blocks of N(0,1) weights as the solver holds them, (points * dim, rows), one row a lane, with
/// one scale for each row.
template <Quantizer Q>
class gaussian_panel {
 public:
  using lane = batch<default_arch>;
  static constexpr index_t dim = Q::dim;
  static constexpr index_t rows = std::max(lane_count<lane>, tile_rows<Q>);
  using codes = row_codes<Q, rows>;

  gaussian_panel(const Q& q, index_t points)
      : q_(q),
        w_(points * dim, rows),
        scales_(Q::scale_fields, rows),
        x_hat_(dim, rows),
        codes_(static_cast<std::size_t>(points)) {
    for (index_t i = 0; i < w_.rows() * rows; ++i) {
      w_.data()[i] = random::normal(1, static_cast<std::uint64_t>(i));
    }
    for (index_t r = 0; r < rows; ++r) {
      const auto s = q.unpack(q.pack(q.fit(group_view<float>(&w_(0, r), rows, w_.rows()))));
      for (index_t k = 0; k < Q::scale_fields; ++k) scales_(k, r) = s[k];
    }
  }

  index_t weights() const { return w_.rows() * rows; }

  /// The first `count` points of every row, in lane type T.
  template <class T>
  void encode(index_t count) {
    for (index_t p = 0; p < count; ++p) {
      encode_rows<T>(q_, matrix_view<const float>(w_).block(p * dim, 0, dim, rows), scales_,
                     memory_, codes_[static_cast<std::size_t>(p)]);
    }
    benchmark::DoNotOptimize(codes_.data());
    benchmark::ClobberMemory();
  }
  /// Scales of the first columns of every row, at most 128 or one point, under importances; how
  /// many weights that are.
  index_t fit() {
    const index_t columns = std::max(dim, std::min(w_.rows(), index_t{128}) / dim * dim);
    std::vector<float> h(static_cast<std::size_t>(columns));
    for (std::size_t j = 0; j < h.size(); ++j) h[j] = static_cast<float>(1 + random::uniform(2, j));
    for (index_t r = 0; r < rows; r += lane_count<lane>) {
      const auto s = q_.fit(group_view<lane>(&w_(0, r), rows, columns, h.data()));
      benchmark::DoNotOptimize(s);
    }
    return columns * rows;
  }
  /// Every point, in lanes.
  void decode() {
    for (const codes& c : codes_) {
      decode_rows<lane>(q_, c, scales_, x_hat_);
      benchmark::DoNotOptimize(x_hat_.data());
      benchmark::ClobberMemory();
    }
  }
  /// The integers of the first `count` points of every row.
  std::vector<std::int32_t> integers(index_t count) const {
    std::vector<std::int32_t> all;
    for (index_t p = 0; p < count; ++p) {
      for (index_t t = 0; t < codes::tiles; ++t) {
        for (index_t f = 0; f < code_fields<Q>; ++f) {
          all.push_back(codes_[static_cast<std::size_t>(p)](t, f));
        }
      }
    }
    return all;
  }

 private:
  Q q_;
  matrix<float> w_, scales_, x_hat_;
  std::vector<codes> codes_;
  workspace<Q> memory_;
};

/// What a row of the table needs besides the quantizer.
struct quantizer_row {
  double published = 0;                ///< mean squared error in the literature; 0: none known
  index_t samples = index_t{1} << 20;  ///< of N(0,1), for the error
  index_t points = 64;                 ///< blocks of columns that are timed
};

/// A quantizer in one row: bits a weight, squared error on N(0,1) with its standard error, its
/// distance from Shannon's bound, the published error; nanoseconds a weight to fit its group's
/// scale, to encode and to decode in lanes, and how many times faster that is than the scalar path
/// of the same source. An encoder whose lanes and scalars disagree is an error, not a row.
///
///   BENCHMARK(openquant::bench::quantizer_bench<openquant::quantizer::uniform<4>>);
template <Quantizer Q>
void quantizer_bench(benchmark::State& state, const Q& q, const quantizer_row& row = {}) {
  using panel_t = gaussian_panel<Q>;
  panel_t panel(q, row.points);
  const index_t few = TileQuantizer<Q> ? 1 : row.points;
  const auto weights = [&](index_t points) {
    return static_cast<double>(points * Q::dim * panel_t::rows);
  };

  double scalar_seconds = std::numeric_limits<double>::max();
  for (int k = 0; k < (TileQuantizer<Q> ? 1 : 3); ++k) {
    const stopwatch watch;
    panel.template encode<float>(few);
    scalar_seconds = std::min(scalar_seconds, watch.seconds());
  }
  const auto scalar_codes = panel.integers(few);
  panel.template encode<typename panel_t::lane>(row.points);
  if (panel.integers(few) != scalar_codes) {
    return state.SkipWithError("the lanes and the scalar path give different codes");
  }

  const stopwatch watch;
  for (auto _ : state) panel.template encode<typename panel_t::lane>(row.points);
  const double encode_seconds = watch.seconds() / static_cast<double>(state.iterations());
  double decode_seconds = std::numeric_limits<double>::max();
  for (int k = 0; k < 5; ++k) {
    const stopwatch decoding;
    panel.decode();
    decode_seconds = std::min(decode_seconds, decoding.seconds());
  }

  double fit_seconds = std::numeric_limits<double>::max();
  index_t fitted = 0;
  const stopwatch all_fits;
  for (int k = 0; k == 0 || (k < 5 && all_fits.seconds() < 0.1); ++k) {
    const stopwatch fitting;
    fitted = panel.fit();
    fit_seconds = std::min(fit_seconds, fitting.seconds());
  }

  const auto distortion = metric::gaussian<typename panel_t::lane>(q, row.samples, 2);
  state.counters["bits"] = distortion.bits;
  state.counters["mse"] = distortion.mse;
  state.counters["standard_error"] = distortion.standard_error;
  state.counters["gap_db"] = distortion.gap_db;
  state.counters["published"] = row.published;
  state.counters["encode_ns"] = 1e9 * encode_seconds / weights(row.points);
  state.counters["decode_ns"] = 1e9 * decode_seconds / weights(row.points);
  state.counters["fit_ns"] = 1e9 * fit_seconds / static_cast<double>(fitted);
  state.counters["times_scalar"] =
      scalar_seconds / weights(few) / (encode_seconds / weights(row.points));
}

template <Quantizer Q>
void quantizer_bench(benchmark::State& state) {
  quantizer_bench(state, Q{});
}

}  // namespace openquant::bench
