// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <sstream>
#include <string>

#include <openquant/equalizer/identity.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/layer/round_to_nearest.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/identity.hpp>

#include "common.hpp"

namespace {

using namespace openquant;
using bench::stopwatch;
using namespace quantizer;

/// Least seconds of a call, for about a fifth of a second, among means over a millisecond or more:
/// the thread's clock is now and then some microseconds off.
template <class F>
double least_seconds(const F& f) {
  const stopwatch first;
  f();
  const index_t calls = 1 + static_cast<index_t>(1e-3 / std::max(first.seconds(), 1e-6));
  double best = std::numeric_limits<double>::max();
  const stopwatch all;
  do {
    const stopwatch watch;
    for (index_t k = 0; k < calls; ++k) f();
    best = std::min(best, watch.seconds() / static_cast<double>(calls));
  } while (all.seconds() < 0.2);
  return best;
}

/// An (n, n) matrix of random codes under scales near 1, not quantized: encoding would take longer
/// than everything that is timed.
template <Quantizer Q>
quantized<Q> random_matrix(const Q& q, index_t n) {
  quantized<Q> result(q, {}, {}, n, n, 128, {rotation::identity{}, n, std::vector<float16>{}});
  auto& [codes, scales] = result.packed();
  for (index_t i = 0; i < codes.rows() * codes.row_bytes(); ++i) {
    codes.data()[i] = static_cast<std::uint8_t>(random::bits(1, static_cast<std::uint64_t>(i)));
  }
  scale_t<Q> s;
  for (index_t k = 0; k < Q::scale_fields; ++k) s[k] = 1.0f;
  for (index_t i = 0; i < n; ++i) {
    for (index_t g = 0; g < scales.cols() && q.scale_bits() > 0; ++g) scales.set(i, g, q.pack(s));
  }
  return result;
}

/// Bytes of codes and scales a second that one core reads and adds up.
double read_seconds(const std::vector<std::int32_t>& bytes) {
  using lanes = int_batch<default_arch>;
  constexpr index_t width = lane_count<batch<default_arch>>;
  return least_seconds([&] {
    lanes sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    const auto n = static_cast<index_t>(bytes.size());
    for (index_t i = 0; i + 8 * width <= n; i += 8 * width) {
      OPENQUANT_UNROLL_REGISTERS
      for (index_t k = 0; k < 8; ++k) {
        sum[k] = sum[k] + lanes::load(bytes.data() + i + k * width);
      }
    }
    benchmark::DoNotOptimize(sum);
  });
}

/// One product of an (n, n) matrix with `tokens` tokens: weights a second, bytes of codes and
/// scales a second, that over a plain read of as many bytes in the same run, and for 64 tokens
/// seconds of the dense product of that shape over seconds of this one.
template <bool bytes_of_x, Quantizer Q>
void product(benchmark::State& state, const Q& q) {
  const index_t n = state.range(0), tokens = state.range(1);
  const auto ready = random_matrix(q, n).prepare();
  matrix<float> x(tokens, n), y(tokens, n);
  for (index_t i = 0; i < tokens * n; ++i) {
    x.data()[i] = random::normal(2, static_cast<std::uint64_t>(i));
  }
  double best = std::numeric_limits<double>::max();
  for (auto _ : state) {
    best = std::min(best, least_seconds([&] {
                      if constexpr (bytes_of_x)
                        ready.multiply_q8(x, y);
                      else
                        ready.multiply(x, y);
                    }));
  }
  const auto weights = static_cast<double>(n * n);
  const auto bytes = static_cast<double>(ready.codes().size_bytes());
  const std::vector<std::int32_t> plain(static_cast<std::size_t>(ready.codes().size_bytes() / 4),
                                        1);
  state.counters["Gweights/s"] = 1e-9 * weights / best;
  state.counters["GB/s"] = 1e-9 * bytes / best;
  state.counters["of_read"] = read_seconds(plain) / best;
  if (tokens == 64) {
    matrix<float> w(n, n);
    for (index_t i = 0; i < n * n; ++i) {
      w.data()[i] = random::normal(3, static_cast<std::uint64_t>(i % 4096));
    }
    state.counters["of_dense"] =
        least_seconds(
            [&] { linalg::gemm<linalg::op::none, linalg::op::transpose>(1.0f, x, w, 0.0f, y); }) /
        best;
  }
}

template <Quantizer Q, bool bytes_of_x = false>
void add() {
  const auto name = (bytes_of_x ? "multiply_q8, " : "multiply, ") + Q::name();
  auto* const bench = benchmark::RegisterBenchmark(
      name.c_str(), [](benchmark::State& state) { product<bytes_of_x>(state, Q{}); });
  for (const index_t n : {1024, 4096, 12288}) {
    for (const index_t tokens : {1, 8, 64}) {
      if (n == 12288 && tokens > 1) continue;
      bench->Args({n, tokens});
    }
  }
  bench->Iterations(1)->Unit(benchmark::kMillisecond);
}

const bool added = [] {
  add<uniform<2>>();
  add<uniform<3>>();
  add<uniform<4>>();
  add<uniform<8>>();
  add<uniform<2>, true>();
  add<uniform<4>, true>();
  add<uniform<8>, true>();
  add<lloyd_max<2>>();
  add<lloyd_max<4>>();
  add<companded<lattice::e8, 2>>();
  add<companded<lattice::e8, 4>>();
  add<e8p<2>>();
  add<e8p<4>>();
  add<trellis<2, 16, code::one_mad>>();
  add<trellis<4, 16, code::one_mad>>();
  add<trellis<2, 16, code::three_inst>>();
  add<trellis<2>>();
  return true;
}();

}  // namespace
