// SPDX-License-Identifier: Apache-2.0
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>

#include "common.hpp"

namespace {

using openquant::bench::quantizer_bench;
using openquant::lattice::d_plus;
using openquant::lattice::e8;
using openquant::quantizer::companded;
using openquant::quantizer::half_coset;

BENCHMARK(quantizer_bench<companded<e8, 2>>)->Name("companded<e8,2>");
BENCHMARK(quantizer_bench<companded<e8, 3>>)->Name("companded<e8,3>");
BENCHMARK(quantizer_bench<companded<e8, 4>>)->Name("companded<e8,4>");
BENCHMARK(quantizer_bench<companded<e8, 2, half_coset::median>>)->Name("companded<e8,2,median>");
BENCHMARK(quantizer_bench<companded<e8, 3, half_coset::median>>)->Name("companded<e8,3,median>");
BENCHMARK(quantizer_bench<companded<e8, 4, half_coset::median>>)->Name("companded<e8,4,median>");
BENCHMARK(quantizer_bench<companded<e8, 3, half_coset::linear>>)->Name("companded<e8,3,linear>");
BENCHMARK(quantizer_bench<companded<e8, 4, half_coset::linear>>)->Name("companded<e8,4,linear>");
BENCHMARK(quantizer_bench<companded<d_plus<12>, 4>>)->Name("companded<d_plus<12>,4>");

}  // namespace
