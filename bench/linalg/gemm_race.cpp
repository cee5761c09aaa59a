// SPDX-License-Identifier: Apache-2.0
// Which multiplies faster with these flags on this machine, Eigen or the BLAS? CMake runs this when
// OPENQUANT_BLAS is AUTO. The exit status is 1 for the BLAS, 0 for Eigen.
#include <Eigen/Core>
#include <algorithm>
#include <cblas.h>
#include <chrono>
#include <cstdio>

int main() {
  constexpr int n = 512;
  using dense = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const dense a = dense::Random(n, n), b = dense::Random(n, n);
  dense c = dense::Zero(n, n);
  const auto best_of = [](auto&& multiply) {
    double best = 1e9;
    for (int k = 0; k < 12; ++k) {
      const auto start = std::chrono::steady_clock::now();
      multiply();
      best = std::min(
          best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return 2.0 * n * n * n / best * 1e-9;
  };
  openblas_set_num_threads(1);
  const double eigen = best_of([&] { c.noalias() += a * b; });
  const double blas = best_of([&] {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, b.data(), n, 1,
                c.data(), n);
  });
  std::printf("%d x %d on one thread: Eigen %.0f GFLOP/s, BLAS %.0f GFLOP/s\n", n, n, eigen, blas);
  return blas > eigen ? 1 : 0;
}
