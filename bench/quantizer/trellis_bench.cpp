// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/code/trained.hpp>
#include <openquant/quantizer/trellis.hpp>

#include "common.hpp"

namespace {

using namespace openquant;
using quantizer::trellis;
namespace code = quantizer::code;
using bench::stopwatch;
using lanes = batch<default_arch>;

/// Time to encode tiles of N(0,1), on one core, and the error made. Counters:
///   us_a_weight      both passes of the search and all else that encode_tile does
///   times_scalar     over the same in one lane; codes that differ are an error, not a row
///   mse, standard_error   on `samples` weights
template <class Q>
void tile_bench(benchmark::State& state, index_t samples) {
  constexpr index_t tiles = 4, weights = Q::dim * Q::tile_rows;
  const Q q;
  typename Q::workspace memory;
  matrix<float> x(Q::dim * tiles, Q::tile_rows), s(1, Q::tile_rows);
  for (index_t i = 0; i < tiles * weights; ++i) {
    x.data()[i] = random::normal(1, static_cast<std::uint64_t>(i));
  }
  std::ranges::fill(s.row(0), 1.0f);
  std::vector<std::int32_t> c(static_cast<std::size_t>(tiles * weights));
  const auto encode = [&]<class T>(std::type_identity<T>, index_t tile) {
    q.template encode_tile<T>(
        x.view().block(tile * Q::dim, 0, Q::dim, Q::tile_rows), s,
        std::span(c).subspan(static_cast<std::size_t>(tile * weights), weights), memory);
  };

  encode(std::type_identity<float>{}, 0);  // computes the table
  const stopwatch scalar_watch;
  for (index_t tile = 0; tile < tiles; ++tile) encode(std::type_identity<float>{}, tile);
  const double scalar_seconds = scalar_watch.seconds() / tiles;
  const auto scalar_codes = c;
  for (index_t tile = 0; tile < tiles; ++tile) encode(std::type_identity<lanes>{}, tile);
  if (c != scalar_codes) return state.SkipWithError("lanes and scalars give different codes");

  index_t tile = 0;
  const stopwatch watch;
  for (auto _ : state) encode(std::type_identity<lanes>{}, tile++ % tiles);
  const double seconds = watch.seconds() / static_cast<double>(state.iterations());

  const auto distortion = metric::gaussian<lanes>(q, samples, 2);
  state.counters["us_a_weight"] = seconds * 1e6 / static_cast<double>(weights);
  state.counters["times_scalar"] = scalar_seconds / seconds;
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
  add_rates<8, code::latin>(1 << 20);
  add_rates<10, code::latin>(1 << 20);
  add_rates<12, code::latin>(1 << 20);
  add_rates<12, code::trained>(1 << 20);
  add_rates<12, code::three_inst>(1 << 19);
  add_rates<12, code::one_mad>(1 << 19);
  add_rates<16, code::latin>(1 << 17);
  add_rates<16, code::three_inst>(1 << 16);
  add<trellis<2, 16, code::one_mad>>(1 << 16);
  add<trellis<2, 18, code::latin>>(1 << 14);
  add<trellis<2, 20, code::latin>>(1 << 13);
  return true;
}();

}  // namespace
