// SPDX-License-Identifier: Apache-2.0
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>

#include "common.hpp"

namespace {

using openquant::bench::quantizer_bench;
using openquant::lattice::d_plus;
using openquant::lattice::e8;
using openquant::quantizer::companded;

BENCHMARK(quantizer_bench<companded<e8, 2>>)->Name("companded<e8,2>");
BENCHMARK(quantizer_bench<companded<e8, 3>>)->Name("companded<e8,3>");
BENCHMARK(quantizer_bench<companded<e8, 4>>)->Name("companded<e8,4>");
BENCHMARK(quantizer_bench<companded<d_plus<12>, 4>>)->Name("companded<d_plus<12>,4>");

}  // namespace
