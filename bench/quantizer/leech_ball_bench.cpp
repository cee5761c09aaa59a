// SPDX-License-Identifier: Apache-2.0
#include <openquant/quantizer/leech_ball.hpp>

#include "common.hpp"

namespace {

using openquant::quantizer::leech_ball;

void row(benchmark::State& state) {
  openquant::bench::quantizer_bench(state, leech_ball{}, {.published = 0.0775});
}
BENCHMARK(row)->Name("leech_ball");

}  // namespace
