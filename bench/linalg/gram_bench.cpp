// SPDX-License-Identifier: Apache-2.0
// X^T X of 4096 tokens, beside the rank update in float of the same library, in turns.
#if defined(OPENQUANT_USE_BLAS)
#include <cblas.h>
#else
#include <Eigen/Core>
#endif
#include <openquant/linalg/gram.hpp>

#include "common.hpp"

namespace {

using namespace openquant;

/// The lower triangle of X^T X, all in float.
void rank_update(matrix_view<const float> x, matrix_view<float> c) {
#if defined(OPENQUANT_USE_BLAS)
  cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, static_cast<int>(x.cols()),
              static_cast<int>(x.rows()), 1, x.data(), static_cast<int>(x.stride()), 0, c.data(),
              static_cast<int>(c.stride()));
#else
  using dense = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const dense> from(x.data(), x.rows(), x.cols());
  Eigen::Map<dense> to(c.data(), c.rows(), c.cols());
  to.setZero();
  to.selfadjointView<Eigen::Lower>().rankUpdate(from.transpose());
#endif
}

void gram(benchmark::State& state) {
  constexpr index_t tokens = 4096;
  const index_t n = state.range(0);
  matrix<float> x(tokens, n), c(n, n);
  matrix<double> h(n, n);
  for (index_t i = 0; i < tokens * n; ++i) {
    x.data()[i] = random::normal(1, static_cast<std::uint64_t>(i));
  }
  rank_update(x, c);  // neither pays for fresh memory alone
  linalg::add_gram(x, h);
  double best = 1e9, least = 1e9;
  for (auto _ : state) {
    const bench::stopwatch watch;
    linalg::add_gram(x, h);
    const double middle = watch.seconds();
    rank_update(x, c);
    best = std::min(best, middle);
    least = std::min(least, watch.seconds() - middle);
  }
  const double flops =
      static_cast<double>(tokens) * static_cast<double>(n) * static_cast<double>(n);
  state.counters["flops_per_second"] = flops / best;
  state.counters["rank_update"] = flops / least;
  state.counters["ratio"] = least / best;
}
BENCHMARK(gram)->Arg(1024)->Arg(2048)->Arg(4096)->Unit(benchmark::kMillisecond);

}  // namespace
