// SPDX-License-Identifier: Apache-2.0
// The Hadamard transform of rows in the second-level cache and in memory, beside what only reading
// and writing the same bytes takes.
#include <openquant/rotation/sign_sandwich.hpp>

#include "common.hpp"

namespace {

using namespace openquant;
using lanes = batch<default_arch>;

/// Cycles a nanosecond, from a chain of multiplications of three cycles each.
double cycles_per_ns() {
#if defined(__x86_64__)
  constexpr int links = 200000;
  std::uint64_t x = 3;
  double best = 1e9;
  for (int k = 0; k < 50; ++k) {
    const bench::stopwatch watch;
    for (int i = 0; i < links; ++i) asm volatile("imul %0, %0" : "+r"(x));
    best = std::min(best, watch.seconds());
  }
  return 3e-9 * links / best;
#else
  return 1;  // nanoseconds then
#endif
}

void read_modify_write(std::span<float> x) {
  const auto n = static_cast<index_t>(x.size());
  float* const p = x.data();
  index_t i = 0;
  for (; i + lane_count<lanes> <= n; i += lane_count<lanes>) {
    store(load<lanes>(p + i) * lanes(-1.0f), p + i);
  }
  for (; i < n; ++i) p[i] = -p[i];
}

/// `floats` floats in rows of n, transformed and then only read and written, in turns: what else
/// the machine does meets both. Few of them several times, for the clock takes half a microsecond.
template <class F>
void row_bench(benchmark::State& state, index_t floats, const F& transform) {
  const index_t n = state.range(0), rows = std::max(index_t{1}, floats / n);
  matrix<float> x(rows, n);
  for (index_t i = 0; i < rows * n; ++i) {
    x.data()[i] = random::normal(1, static_cast<std::uint64_t>(i));
  }
  const index_t times = std::max(index_t{1}, (index_t{1} << 19) / floats);
  double best = 1e9, least = 1e9;
  for (auto _ : state) {
    const bench::stopwatch watch;
    for (index_t k = 0; k < times; ++k) {
      transform(x.view());
      benchmark::ClobberMemory();
    }
    const double middle = watch.seconds();
    for (index_t k = 0; k < times; ++k) {
      for (index_t i = 0; i < rows; ++i) read_modify_write(x.row(i));
      benchmark::ClobberMemory();
    }
    best = std::min(best, middle);
    least = std::min(least, watch.seconds() - middle);
  }
  static const double clock = cycles_per_ns();
  const double ns = best * 1e9 / static_cast<double>(times * rows * n);
  state.counters["ns_per_float"] = ns;
  state.counters["cycles_per_float"] = ns * clock;
  state.counters["times_read_write"] = best / least;
}

constexpr index_t cached = index_t{1} << 15, uncached = index_t{1} << 26;

template <index_t floats>
void transform(benchmark::State& state) {
  const linalg::hadamard_transform h(state.range(0));
  row_bench(state, floats, [&](matrix_view<float> x) { h.apply(x); });
}
template <index_t floats>
void with_signs(benchmark::State& state) {
  const rotation::sign_sandwich r(1, state.range(0), state.range(0));
  row_bench(state, floats, [&](matrix_view<float> x) { r.apply(x); });
}
/// A call for each row, which cannot know where the next one lies.
template <index_t floats>
void one_by_one(benchmark::State& state) {
  const rotation::sign_sandwich r(1, state.range(0), state.range(0));
  row_bench(state, floats, [&](matrix_view<float> x) {
    for (index_t i = 0; i < x.rows(); ++i) r.apply(x.row(i));
  });
}

void sizes(benchmark::internal::Benchmark* b) {
  for (index_t n = 64; n <= 16384; n *= 2) b->Arg(n);
  // m = 12, 12, 20, 20, 28, 28, 44, 172
  for (const index_t n : {768, 3072, 2560, 5120, 3584, 14336, 5632, 11008}) b->Arg(n);
}
void few_sizes(benchmark::internal::Benchmark* b) {
  for (const index_t n : {64, 512, 4096, 16384, 3072, 3584}) b->Arg(n);
}
BENCHMARK(transform<cached>)->Apply(sizes);
BENCHMARK(with_signs<cached>)->Apply(sizes);
BENCHMARK(one_by_one<cached>)->Apply(few_sizes);
BENCHMARK(transform<uncached>)->Apply(few_sizes);
BENCHMARK(with_signs<uncached>)->Apply(few_sizes);
BENCHMARK(one_by_one<uncached>)->Apply(few_sizes);

}  // namespace
