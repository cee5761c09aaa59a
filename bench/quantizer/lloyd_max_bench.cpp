// SPDX-License-Identifier: Apache-2.0
#include <openquant/quantizer/lloyd_max.hpp>

#include "common.hpp"

namespace {

using openquant::bench::quantizer_bench;
using openquant::quantizer::lloyd_max;

BENCHMARK(quantizer_bench<lloyd_max<1>>)->Name("lloyd_max<1>");
BENCHMARK(quantizer_bench<lloyd_max<2>>)->Name("lloyd_max<2>");
BENCHMARK(quantizer_bench<lloyd_max<3>>)->Name("lloyd_max<3>");
BENCHMARK(quantizer_bench<lloyd_max<4>>)->Name("lloyd_max<4>");
BENCHMARK(quantizer_bench<lloyd_max<6>>)->Name("lloyd_max<6>");

}  // namespace
