// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ctime>
#include <vector>

#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/code/trained.hpp>
#include <openquant/quantizer/trellis.hpp>

#include "common.hpp"

namespace {

using namespace openquant;
using quantizer::trellis;
namespace code = quantizer::code;
using lanes = batch<default_arch>;

/// CPU time to encode a tile of N(0,1), and the error made. Counters:
///   seconds_a_weight      both passes of the search and all else that encode_tile does
///   times_scalar          over that in one lane; codes that differ are an error, not a row
///   mse, standard_error   on `samples` weights
template <class Q>
void tile_bench(benchmark::State& state, index_t samples) {
  constexpr index_t weights = Q::dim * Q::tile_rows;
  const Q q;
  typename Q::workspace memory;
  matrix<float> x(Q::dim, Q::tile_rows), s(1, Q::tile_rows);
  for (index_t i = 0; i < weights; ++i) {
    x.data()[i] = random::normal(1, static_cast<std::uint64_t>(i));
  }
  std::ranges::fill(s.row(0), 1.0f);
  std::vector<std::int32_t> c(weights), scalar_code(weights);

  q.template encode_tile<lanes>(x, s, c, memory);  // computes the table
  const std::clock_t start = std::clock();
  q.template encode_tile<float>(x, s, scalar_code, memory);
  const std::clock_t scalar = std::clock() - start;
  if (c != scalar_code) return state.SkipWithError("lanes and scalars give different codes");

  const std::clock_t lanes_start = std::clock();
  for (auto _ : state) q.template encode_tile<lanes>(x, s, c, memory);
  const double clocks =
      static_cast<double>(std::clock() - lanes_start) / static_cast<double>(state.iterations());

  const auto distortion = metric::gaussian<lanes>(q, samples, 2);
  state.counters["seconds_a_weight"] = clocks / CLOCKS_PER_SEC / static_cast<double>(weights);
  state.counters["times_scalar"] = static_cast<double>(scalar) / clocks;
  state.counters["bits"] = distortion.bits;
  state.counters["mse"] = distortion.mse;
  state.counters["standard_error"] = distortion.standard_error;
}

template <class Q>
void add(index_t samples) {
  benchmark::RegisterBenchmark(Q::name().c_str(),
                               [=](benchmark::State& state) { tile_bench<Q>(state, samples); });
}

/// All rates of one code.
template <int L, class Code>
void add_rates(index_t samples) {
  add<trellis<1, L, Code>>(samples);
  add<trellis<2, L, Code>>(samples);
  add<trellis<3, L, Code>>(samples);
  add<trellis<4, L, Code>>(samples);
}

const bool added = [] {
  add_rates<8, code::latin>(1 << 19);
  add_rates<10, code::latin>(1 << 19);
  add_rates<12, code::latin>(1 << 19);
  add_rates<12, code::trained>(1 << 19);
  add_rates<12, code::three_inst>(1 << 18);
  add_rates<12, code::one_mad>(1 << 18);
  add_rates<16, code::latin>(1 << 17);
  add_rates<16, code::three_inst>(1 << 16);
  add<trellis<2, 16, code::one_mad>>(1 << 16);
  add<trellis<2, 18, code::latin>>(1 << 14);
  add<trellis<2, 20, code::latin>>(1 << 13);
  return true;
}();

}  // namespace
