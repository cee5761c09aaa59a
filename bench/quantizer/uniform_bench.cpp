// SPDX-License-Identifier: Apache-2.0
#include <openquant/quantizer/uniform.hpp>

#include "common.hpp"

namespace {

using openquant::quantizer::uniform;

template <int B, bool Symmetric>
void encode(benchmark::State& state) {
  openquant::bench::quantizer_bench(state, uniform<B>{.symmetric = Symmetric});
}

BENCHMARK(encode<2, true>)->Name("uniform<2>/symmetric");
BENCHMARK(encode<2, false>)->Name("uniform<2>/asymmetric");
BENCHMARK(encode<4, true>)->Name("uniform<4>/symmetric");
BENCHMARK(encode<4, false>)->Name("uniform<4>/asymmetric");
BENCHMARK(encode<8, true>)->Name("uniform<8>/symmetric");

}  // namespace
