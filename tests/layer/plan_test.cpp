// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdlib>
#include <doctest/doctest.h>
#include <new>

#include <openquant/equalizer/identity.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/layer/gptq.hpp>
#include <openquant/layer/round_to_nearest.hpp>
#include <openquant/quantizer/code/latin.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>

#include "layer/random_layer.hpp"

// This program counts what it holds: each block has its size in front.
namespace {
std::atomic<std::ptrdiff_t> held{0}, most{0}, blocks{0};
constexpr std::size_t front = 64;

void* counted(std::size_t size) {
  auto* p = static_cast<char*>(std::aligned_alloc(front, (size + 2 * front - 1) / front * front));
  if (p == nullptr) throw std::bad_alloc();
  *reinterpret_cast<std::size_t*>(p) = size;
  const std::ptrdiff_t now = held += static_cast<std::ptrdiff_t>(size);
  for (std::ptrdiff_t seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
  }
  ++blocks;
  return p + front;
}
void release(void* p) noexcept {
  if (p == nullptr) return;
  char* start = static_cast<char*>(p) - front;
  held -= static_cast<std::ptrdiff_t>(*reinterpret_cast<std::size_t*>(start));
  std::free(start);
}
}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new(std::size_t size, std::align_val_t) { return counted(size); }
// Libraries that bring operators of their own, as the sanitizers do, need not fall back on these.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return counted(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete(void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }

namespace {

using namespace openquant;
using namespace openquant::test;

/// The most that is held while f() runs, beyond what was held before.
template <class F>
index_t bytes_of(const F& f) {
  const std::ptrdiff_t before = held;
  most = before;
  f();
  return most - before;
}

constexpr index_t small = 64 << 10;  // options, spans of the report, the diagonal

/// The plan holds, and is no more than a tenth above what is used.
void check(const memory_plan& plan, index_t used) {
  CAPTURE(plan.output);
  CAPTURE(plan.factor);
  CAPTURE(plan.workspace);
  CHECK(used <= plan.peak() + small);
  CHECK(used >= plan.peak() * 9 / 10);
}

template <class Method>
void check_gptq(const Method& method, index_t m, index_t n) {
  const matrix<float> w = normal_matrix(m, n, 1);
  const hessian h = random_hessian(n + 8, n, 0.5, 2);
  const memory_plan plan = method.plan(m, n);
  check(plan, bytes_of([&] { static_cast<void>(method.quantize(w, h)); }));
  const auto f = method.factor(h);
  const auto q = method.quantize(w, f);
  CHECK(bytes_of([&] { static_cast<void>(method.factor(h)); }) <= plan.peak() + small);
  CHECK(plan.output >= q.payload_bits() / 8 - 64);  // seed and unit are not in the arrays
  CHECK(plan.output <= q.payload_bits() / 8 + 64);
}

TEST_CASE("plan: what gptq holds, to a tenth") {
  using namespace quantizer;
  check_gptq(gptq<uniform<4>>{}, 1024, 512);
  check_gptq(gptq<uniform<4>>{}, 96, 640);
  check_gptq(gptq<uniform<2>>{.options = {.group_size = -1}}, 700, 300);
  check_gptq(gptq<uniform<3>>{.options = {.act_order = true}}, 300, 512);
  check_gptq(gptq<uniform<3>>{.options = {.damping = 1e-6f}}, 64, 640);  // binary64
  check_gptq(gptq<companded<lattice::e8, 4>, rotation::hadamard>{}, 600, 512);
  check_gptq(gptq<trellis<2, 8, code::latin>>{}, 64, 512);
}

TEST_CASE("plan: threads hold a slab each") {
  const gptq<quantizer::uniform<4>> method{};
  const matrix<float> w = normal_matrix(1024, 512, 1);
  const hessian h = random_hessian(520, 512, 0.5, 2);
  const index_t used = bytes_of([&] { static_cast<void>(method.quantize(w, h, threads{2})); });
  CHECK(used <= method.plan(1024, 512, 2).peak() + small);
  CHECK(method.plan(1024, 512, 2).workspace > method.plan(1024, 512, 1).workspace);
  CHECK(method.plan(1024, 512, 1000).workspace == method.plan(1024, 512, 8).workspace);
  CHECK(method.plan(1024, 512, 0).workspace == method.plan(1024, 512, 1).workspace);
}

TEST_CASE("plan: gptq takes W + 2 n^2 and a panel beside its result") {
  // A panel: 512 rows and their errors, and 192 columns of the errors of 32 rows.
  const index_t m = 4096, n = 4096, panel = 4 * (2 * 512 + 192) * n;
  const memory_plan plan = gptq<quantizer::uniform<4>>{}.plan(m, n);
  CHECK(plan.factor + plan.workspace <= 4 * (m * n + 2 * n * n) + panel + (2 << 20));
  CHECK(plan.factor + plan.workspace > 4 * (m * n + 2 * n * n));
}

TEST_CASE("plan: what round_to_nearest holds, to a tenth") {
  const round_to_nearest<quantizer::uniform<4>> method{};
  const matrix<float> w = normal_matrix(512, 384, 1);
  const hessian h = random_hessian(400, 384, 0.5, 2);
  check(method.plan(512, 384), bytes_of([&] { static_cast<void>(method.quantize(w, h)); }));

  // A last block to fill: two Hessians at once are more than one and few rows.
  const round_to_nearest<quantizer::companded<lattice::e8, 3>> blocks_of_8{};
  const matrix<float> few = normal_matrix(32, 2047, 3);
  const hessian wide = random_hessian(40, 2047, 0.5, 4);
  check(blocks_of_8.plan(32, 2047),
        bytes_of([&] { static_cast<void>(blocks_of_8.quantize(few, wide)); }));
}

TEST_CASE("plan: refuses what quantize would refuse") {
  const gptq<quantizer::uniform<4>> method{};
  const round_to_nearest<quantizer::uniform<4>> rounding{};
  const char* text = "quantized: nothing to store in a (0, 64) matrix";
  CHECK_THROWS_WITH_AS(static_cast<void>(method.plan(0, 64)), text, error);
  CHECK_THROWS_WITH_AS(static_cast<void>(rounding.plan(0, 64)), text, error);
  CHECK_THROWS_AS(static_cast<void>(method.plan(64, 0)), error);
  CHECK_THROWS_AS(static_cast<void>(method.plan(-1, 64)), error);
}

TEST_CASE("plan: nothing is allocated inside the loop over columns") {
  const matrix<float> w = normal_matrix(64, 512, 1), u(512, 512);
  const std::vector<float> importance(512, 1.0f);
  const auto check_panel = [&](const auto& q) {
    using q_t = std::remove_cvref_t<decltype(q)>;
    const panel_problem problem{w, u, importance, {}, 128};
    packed_codes out = zero_codes(q, 64, strip_shape<q_t>{512, 128});
    panel<default_arch, q_t> part(q, problem, 0, 64);
    const std::ptrdiff_t before = blocks;
    part.quantize(&out);
    CHECK(blocks - before == 0);
  };
  check_panel(quantizer::uniform<4>{});
  check_panel(quantizer::companded<lattice::e8, 4>{});
  check_panel(quantizer::trellis<2, 8, quantizer::code::latin>{});
}

}  // namespace
