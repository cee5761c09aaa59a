// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Cholesky>

#include <openquant/linalg/cholesky.hpp>

#include "common.hpp"

namespace {

using openquant::index_t;
using dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

dense positive_matrix(index_t n) {
  const dense x = dense::Random(n, n);
  return x * x.transpose() + static_cast<double>(n) * dense::Identity(n, n);
}

template <class Factor>
void factor_bench(benchmark::State& state, Factor factor) {
  const index_t n = state.range(0);
  const dense a = positive_matrix(n);
  dense l = a;
  for (auto _ : state) {
    state.PauseTiming();
    l = a;
    state.ResumeTiming();
    if (!factor(l)) return state.SkipWithError("a pivot failed");
  }
  const double flops = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / 3;
  state.counters["flops"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void ours(benchmark::State& state) {
  factor_bench(state, [](dense& l) {
    return !openquant::linalg::cholesky(
        openquant::matrix_view<double>(l.data(), l.rows(), l.cols()));
  });
}
void eigen(benchmark::State& state) {
  factor_bench(state, [](dense& l) {
    return Eigen::LLT<Eigen::Ref<dense>, Eigen::Lower>(l).info() == Eigen::Success;
  });
}

BENCHMARK(ours)->RangeMultiplier(2)->Range(512, 4096)->Unit(benchmark::kMillisecond);
BENCHMARK(eigen)->RangeMultiplier(2)->Range(512, 4096)->Unit(benchmark::kMillisecond);

}  // namespace
