// SPDX-License-Identifier: Apache-2.0
#include <openquant/lattice/leech.hpp>

#include "common.hpp"

namespace {

using namespace openquant;

/// Nearest points of uniform vectors, as many at once as T has lanes; counter: vectors a second.
template <class T>
void nearest(benchmark::State& state) {
  constexpr std::size_t lanes = static_cast<std::size_t>(lane_count<T>), count = 1024 / lanes;
  std::vector<float> x(1024 * 24);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(64 * (random::uniform(1, i) - 0.5));
  }
  for (auto _ : state) {
    for (std::size_t i = 0; i < count; ++i) {
      vec<T, 24> v;
      for (index_t k = 0; k < 24; ++k) {
        v[k] = load<T>(&x[(24 * i + static_cast<std::size_t>(k)) * lanes]);
      }
      benchmark::DoNotOptimize(v = lattice::leech::nearest(v));
    }
  }
  state.counters["vectors_per_second"] =
      benchmark::Counter(1024, benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK(nearest<batch<default_arch>>)->Name("leech nearest, widest lanes");
BENCHMARK(nearest<batch<baseline_arch>>)->Name("leech nearest, narrowest lanes");
BENCHMARK(nearest<float>)->Name("leech nearest, float");

}  // namespace
