// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <fstream>
#include <malloc.h>
#include <map>
#include <string>

#include <openquant/openquant.hpp>

#include "common.hpp"

namespace {

using namespace openquant;
using bench::stopwatch;

matrix<float> normal_matrix(index_t m, index_t n, std::uint64_t seed) {
  matrix<float> a(m, n);
  for (index_t i = 0; i < m * n; ++i)
    a.data()[i] = random::normal(seed, static_cast<std::uint64_t>(i));
  return a;
}

/// Moments of inputs whose neighbouring channels are correlated.
const hessian& moments(index_t n) {
  static std::map<index_t, hessian> known;
  if (const auto found = known.find(n); found != known.end()) return found->second;
  matrix<float> x = normal_matrix(2 * n, n, 1);
  for (index_t t = 0; t < x.rows(); ++t) {
    for (index_t j = 1; j < n; ++j) x(t, j) = 0.8f * x(t, j - 1) + 0.6f * x(t, j);
  }
  hessian h(n);
  h.add(x);
  return known.emplace(n, std::move(h)).first->second;
}

/// Seconds of one n^3 product of the linked BLAS, or of Eigen: the floor's unit.
double product_seconds(index_t n) {
  const matrix<float> a = normal_matrix(n, n, 2), b = normal_matrix(n, n, 3);
  matrix<float> c(n, n);
  double best = std::numeric_limits<double>::max();
  for (int k = 0; k < 3; ++k) {
    const stopwatch watch;
    linalg::gemm(1.0f, a, b, 0.0f, c);
    best = std::min(best, watch.seconds());
  }
  return best;
}

/// Seconds that pass, for what several threads do.
struct wall_clock {
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

/// Resident MiB of this process: now, or the most since the last reset.
double resident_mib(const char* field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(std::string(field).size())) / 1024;
  }
  return 0;
}
void reset_peak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;
}

/// An (m, n) layer: seconds to factor its Hessian and to quantize it, and both over the seconds of
/// one n^3 product in the same run; and the memory that both take, beside the weights and the
/// Hessian, and as planned.
template <class Clock, class R = rotation::identity, class Q, class X>
void layer(benchmark::State& state, const Q& q, X executor, index_t threads) {
  const index_t m = state.range(0), n = state.range(1);
  const gptq<Q, R> method{.quantizer = q};
  const hessian& h = moments(n);
  const matrix<float> w = normal_matrix(m, n, 4);
  const double product = product_seconds(n);
  double factor = 0, quantize = 0;
  reset_peak();
  const double before = resident_mib("VmRSS:");
  for (auto _ : state) {
    const Clock factoring;
    const auto f = method.factor(h, executor);
    factor += factoring.seconds();
    const Clock quantizing;
    benchmark::DoNotOptimize(method.quantize(w, f, executor));
    quantize += quantizing.seconds();
  }
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["product_s"] = product;
  state.counters["factor_s"] = factor / rounds;
  state.counters["quantize_s"] = quantize / rounds;
  state.counters["over_product"] = (factor + quantize) / rounds / product;
  state.counters["peak_MiB"] = resident_mib("VmHWM:") - before;
  state.counters["plan_MiB"] =
      static_cast<double>(method.plan(m, n, threads).peak()) / (1024 * 1024);
}

template <class Q>
void one_thread(benchmark::State& state, const Q& q) {
  layer<stopwatch>(state, q, serial{}, 1);
}
template <class Q>
void rotated(benchmark::State& state, const Q& q) {
  layer<stopwatch, rotation::hadamard>(state, q, serial{}, 1);
}
template <class Q>
void two_threads(benchmark::State& state, const Q& q) {
  layer<wall_clock>(state, q, threads{2}, 2);
}

using namespace quantizer;

#define OPENQUANT_LAYER(threads, label, ...)      \
  BENCHMARK_CAPTURE(threads, method, __VA_ARGS__) \
      ->Name("gptq, " label)                      \
      ->Unit(benchmark::kMillisecond)
OPENQUANT_LAYER(one_thread, "uniform<4>, scales by range", uniform<4>{.fit_by = uniform_fit::range})
    ->Args({2048, 2048})
    ->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "uniform<4>", uniform<4>{})
    ->Args({1024, 1024})
    ->Args({1024, 2048})
    ->Args({2048, 2048})
    ->Args({4096, 2048})
    ->Args({8192, 2048})
    ->Args({4096, 4096});
OPENQUANT_LAYER(rotated, "hadamard, uniform<4>", uniform<4>{})->Args({4096, 4096});
OPENQUANT_LAYER(two_threads, "uniform<4>, 2 threads", uniform<4>{})
    ->Args({2048, 2048})
    ->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "uniform<2>", uniform<2>{})->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "lloyd_max<4>", lloyd_max<4>{})->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "companded<e8, 4>", companded<lattice::e8, 4>{})->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "companded<e8, 2>", companded<lattice::e8, 2>{})->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "voronoi<e8, 14>", voronoi<lattice::e8, 14>{})->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "e8p<2>", e8p<2>{})->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "e8p<3>", e8p<3>{})->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "e8p<4>", e8p<4>{})->Args({4096, 4096});
OPENQUANT_LAYER(one_thread, "trellis<2>", trellis<2>{})->Args({4096, 4096});
#undef OPENQUANT_LAYER

}  // namespace
