// SPDX-License-Identifier: Apache-2.0
#include <openquant/quantizer/voronoi.hpp>

#include "common.hpp"

namespace {

using openquant::bench::quantizer_bench;
using openquant::lattice::d_plus;
using openquant::lattice::e8;
using openquant::lattice::leech;
using openquant::quantizer::voronoi;

BENCHMARK(quantizer_bench<voronoi<e8, 13>>)->Name("voronoi<e8,13>");
BENCHMARK(quantizer_bench<voronoi<e8, 14>>)->Name("voronoi<e8,14>");
BENCHMARK(quantizer_bench<voronoi<d_plus<12>, 14>>)->Name("voronoi<d_plus<12>,14>");
BENCHMARK(quantizer_bench<voronoi<leech, 14>>)->Name("voronoi<leech,14>");

}  // namespace
