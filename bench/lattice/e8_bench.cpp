// SPDX-License-Identifier: Apache-2.0
#include <openquant/lattice/e8.hpp>

#include "common.hpp"

namespace {

using namespace openquant;
using lattice::e8;

/// The point nearest to one vector, as a call of its own: inlined into a loop over vectors, g++
/// would put them into lanes by itself.
[[gnu::noinline]] vec<float, 8> nearest_to_one(const vec<float, 8>& x) { return e8::nearest(x); }

/// Points as the solver holds them, one in each lane; 64 KiB, so that they stay in the cache.
template <class T>
class points {
 public:
  static constexpr index_t lanes = lane_count<T>, count = 2048;

  points() : x_(count * e8::dim), p_(count * e8::dim) {
    for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = 3 * random::normal(1, i);
  }
  void nearest() {
    for (index_t i = 0; i < count; i += lanes) {
      vec<T, e8::dim> x;
      for (index_t k = 0; k < e8::dim; ++k) x[k] = load<T>(&x_[at(i, k)]);
      if constexpr (lanes == 1)
        x = nearest_to_one(x);
      else
        x = e8::nearest(x);
      for (index_t k = 0; k < e8::dim; ++k) store(x[k], &p_[at(i, k)]);
    }
    benchmark::DoNotOptimize(p_.data());
    benchmark::ClobberMemory();
  }

 private:
  static std::size_t at(index_t i, index_t k) {
    return static_cast<std::size_t>(i * e8::dim + k * lanes);
  }
  std::vector<float> x_, p_;
};

/// Nanoseconds a vector in lanes, and how many times the same template on float that is.
template <class Arch>
void nearest(benchmark::State& state) {
  points<float> scalar;
  double scalar_seconds = std::numeric_limits<double>::max();
  for (int k = 0; k < 20; ++k) {
    const bench::stopwatch watch;
    scalar.nearest();
    scalar_seconds = std::min(scalar_seconds, watch.seconds());
  }
  points<batch<Arch>> lanes;
  const bench::stopwatch watch;
  for (auto _ : state) lanes.nearest();
  const double seconds = watch.seconds() / static_cast<double>(state.iterations());
  state.counters["ns_per_vector"] = 1e9 * seconds / points<float>::count;
  state.counters["times_scalar"] = scalar_seconds / seconds;
}

BENCHMARK(nearest<default_arch>)->Name("e8::nearest, widest lanes");
BENCHMARK(nearest<baseline_arch>)->Name("e8::nearest, narrowest lanes");

}  // namespace
