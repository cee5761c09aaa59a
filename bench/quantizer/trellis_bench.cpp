// SPDX-License-Identifier: Apache-2.0
#include <openquant/quantizer/code/hybrid.hpp>
#include <openquant/quantizer/code/latin.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/code/trained.hpp>
#include <openquant/quantizer/trellis.hpp>

#include "common.hpp"

namespace {

using namespace openquant;
using quantizer::trellis;
namespace code = quantizer::code;

template <class Q>
void add(index_t samples, double published) {
  benchmark::RegisterBenchmark(Q::name().c_str(), [=](benchmark::State& state) {
    bench::quantizer_bench(state, Q{}, {.published = published, .samples = samples, .points = 2});
  });
}

/// All rates of one code at L = 12, where QTIP's Table 2 has a random code.
template <class Code>
void add_twelve(index_t samples) {
  add<trellis<1, 12, Code>>(samples, 0.2803);
  add<trellis<2, 12, Code>>(samples, 0.0733);
  add<trellis<3, 12, Code>>(samples, 0.0198);
  add<trellis<4, 12, Code>>(samples, 0.0055);
}

const bool added = [] {
  add<trellis<2, 8, code::latin>>(1 << 19, 0);
  add<trellis<2, 10, code::latin>>(1 << 19, 0);
  add_twelve<code::latin>(1 << 20);
  add_twelve<code::trained>(1 << 20);
  add_twelve<code::three_inst>(1 << 18);
  add_twelve<code::one_mad>(1 << 18);
  add_twelve<code::hybrid<>>(1 << 18);
  add<trellis<1, 16, code::latin>>(1 << 17, 0);
  add<trellis<2, 16, code::latin>>(1 << 18, 0.068);  // QTIP's Table 1, a random table
  add<trellis<3, 16, code::latin>>(1 << 17, 0);
  add<trellis<4, 16, code::latin>>(1 << 17, 0);
  add<trellis<2, 16, code::three_inst>>(1 << 17, 0.069);
  add<trellis<2, 16, code::one_mad>>(1 << 17, 0.069);
  add<trellis<2, 18, code::latin>>(1 << 15, 0);
  return true;
}();

}  // namespace
