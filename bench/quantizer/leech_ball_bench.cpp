// SPDX-License-Identifier: Apache-2.0
#include <openquant/quantizer/leech_ball.hpp>

#include "common.hpp"

namespace {

using namespace openquant;
using quantizer::leech_ball;

BENCHMARK_CAPTURE(bench::quantizer_bench<leech_ball>, ball, leech_ball{}, {.published = 0.0775})
    ->Name("leech_ball");

}  // namespace
