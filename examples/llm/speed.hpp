// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <openquant/linalg/gemm.hpp>

#include "llm/evaluate.hpp"
#include "llm/machine.hpp"

/// How near the forward pass comes to the machine's speed.
namespace llm {

/// Flops of the products in `run_model`: linear layers, and attention below the diagonal.
inline double product_flops(const model& m, const std::vector<window>& windows) {
  double weights = 0, flops = 0;
  for (const block& b : m.blocks) {
    for (const role r : roles) {
      weights += static_cast<double>(b.weight(r).rows()) * static_cast<double>(b.weight(r).cols());
    }
  }
  const double width =
      static_cast<double>(m.config.query_size()) * static_cast<double>(m.blocks.size());
  for (const window& w : windows) {
    const auto tokens = static_cast<double>(w.inputs.size());
    flops += 2 * tokens * weights + 2 * tokens * tokens * width;
  }
  return flops;
}

/// Flops a second of products of order 1024, one on each of the executor's threads at a time.
inline double product_speed(const oq::threads& executor) {
  constexpr oq::index_t n = 1024, rounds = 4;
  const oq::matrix<float> a(n, n);
  std::vector<oq::matrix<float>> c;
  for (oq::index_t i = 0; i < executor.count; ++i) c.emplace_back(n, n);
  const auto run = [&] {
    executor.run(executor.count, [&](oq::index_t i) {
      for (oq::index_t k = 0; k < rounds; ++k) {
        oq::linalg::gemm(1.0f, a, a, 0.0f, c[static_cast<std::size_t>(i)]);
      }
    });
  };
  run();  // a BLAS sets itself up
  const stopwatch watch;
  run();
  return static_cast<double>(executor.count) * rounds * 2 * n * n * n / watch.seconds();
}

}  // namespace llm
