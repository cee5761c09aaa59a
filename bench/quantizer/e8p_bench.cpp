// SPDX-License-Identifier: Apache-2.0
#include <openquant/quantizer/e8p.hpp>

#include "common.hpp"

namespace {

using openquant::bench::quantizer_bench;
using openquant::quantizer::e8p;

BENCHMARK(quantizer_bench<e8p<2>>)->Name("e8p<2>");
BENCHMARK(quantizer_bench<e8p<3>>)->Name("e8p<3>");
BENCHMARK(quantizer_bench<e8p<4>>)->Name("e8p<4>");

}  // namespace
