// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/multiplier.hpp>
#include <openquant/equalizer/identity.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/two_sided.hpp>

#include "cuda/host_codes.hpp"
#include "cuda/host_solver.hpp"
#include "cuda/product_case.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using rotation::block_hadamard;
using rotation::hadamard;
using test::host_codes;
using test::product_options;
using two_hadamards = rotation::two_sided<hadamard>;

/// The host as a device, and what was asked of it.
struct counting_host : test::host_solver {
  mutable int kernels = 0, allocations = 0, waits = 0;

  template <class T>
  test::host_matrix<T> zeros(index_t rows, index_t cols) const {
    ++allocations;
    return host_solver::zeros<T>(rows, cols);
  }
  template <class Kernel>
  void run(const Kernel& kernel, const char* name) const {
    ++kernels;
    host_solver::run(kernel, name);
  }
  template <class T>
  void write(std::type_identity_t<matrix_view<const T>> from, matrix_view<T, device> to) const {
    ++waits;
    host_solver::write<T>(from, to);
  }
};
template <class R>
using transforms = cuda::device_transforms<counting_host, R>;

template <class Q, class R>
auto product_of(const R& r, const product_options& of) {
  return test::make_product_case<default_arch, Q, R, equalizer::identity>(r, of);
}
template <class Q, class Case>
host_codes<Q> codes_of(const Case& c) {
  return {c.q.packed(), {c.q.cols(), c.q.group_size()}};
}

/// An (m, n) matrix in device memory, `gap` numbers from row to row that nobody may touch.
template <class T, index_t gap>
struct wide {
  static constexpr float filling = 7;
  matrix<T> of;

  wide(index_t m, index_t n) : of(m, n + gap) {
    std::fill_n(of.data(), m * (n + gap), cuda::narrowed<T>(filling));
  }
  matrix_view<T, device> view() { return {of.data(), of.rows(), of.cols() - gap, of.cols()}; }
  /// What is there; nothing where a gap was written to.
  matrix<float> read() const {
    matrix<float> to(of.rows(), of.cols() - gap);
    for (index_t i = 0; i < of.rows(); ++i) {
      for (index_t j = 0; j < of.cols(); ++j) {
        const float x = cuda::widened(of(i, j));
        if (j < to.cols())
          to(i, j) = x;
        else if (x != filling)
          return {};
      }
    }
    return to;
  }
  bool untouched() const { return of == wide(of.rows(), of.cols() - gap).of; }
};

template <class X, class S, class Y, index_t gap, class Q, class Case, class R>
matrix<float> multiplied(const Case& c, const host_codes<Q>& codes, const transforms<R>& to,
                         cuda::thread_order order) {
  const counting_host d{{order}};
  const index_t tokens = c.x.rows(), n = c.q.cols();
  wide<X, gap> x(tokens, n);
  wide<S, gap> scratch(tokens, n);
  wide<Y, gap> y(tokens, c.q.rows());
  for (index_t i = 0; i < tokens; ++i) {
    for (index_t j = 0; j < n; ++j) x.of(i, j) = cuda::narrowed<X>(c.x(i, j));
  }
  const auto before = x.of;
  const matrix_view<const X, device> in = x.view();
  cuda::multiply_by(d, to, codes.view(c.q.unit()), in,
                    to.changes_inputs() ? scratch.view() : matrix_view<S, device>{}, y.view());
  CHECK(d.kernels == 1 + (to.changes_inputs() ? 1 : 0) + (TwoSidedRotation<R> ? 1 : 0));
  CHECK(d.allocations == 0);
  CHECK(d.waits == 0);
  CHECK(x.of == before);
  CHECK(scratch.untouched() == (!to.changes_inputs() || tokens == 0));
  return y.read();
}

/// W_hat, and products by 1, 3 and 9 tokens in float, in their bounds; the CPU's as well.
template <class Q, class R>
void check(const R& r, index_t m, index_t n, bool equalized) {
  CAPTURE(Q::name());
  CAPTURE(R::name());
  CAPTURE(equalized);
  for (const index_t tokens : {1, 3, 9}) {
    CAPTURE(tokens);
    const auto c = product_of<Q>(r, {.m = m, .n = n, .tokens = tokens, .equalized = equalized});
    const host_codes<Q> codes = codes_of<Q>(c);
    const transforms<R> to(counting_host{}, c.q.inputs(), c.q.outputs());
    CHECK(to.changes_inputs() == (equalized || !IdentityRotation<R>));
    const auto ascending = cuda::thread_order::ascending;
    const matrix<float> y = multiplied<float, float, float, 3>(c, codes, to, ascending);
    REQUIRE(y.rows() == tokens);
    CHECK(test::error_over_bound(y, c.y, c.y_bound) <= 1);
    CHECK(test::error_over_bound(c.host_y, c.y, c.y_bound) <= 1);
    CHECK(multiplied<float, float, float, 0>(c, codes, to, cuda::thread_order::descending) == y);
    if (tokens != 1) continue;
    wide<float, 3> w(m, n);
    const counting_host d;
    cuda::dequantize_by(d, to, codes.view(c.q.unit()), w.view());
    const matrix<float> found = w.read();
    REQUIRE(found.rows() == m);
    CHECK(d.waits == 0);
    CHECK(d.allocations == (TwoSidedRotation<R> ? 1 : 0));
    CHECK(test::error_over_bound(found, c.w, c.w_bound) <= 1);
    CHECK(test::error_over_bound(c.host_w, c.w, c.w_bound) <= 1);
    // The same arithmetic, but for sums of 12 terms and for 1 / s.
    const bool powers = std::has_single_bit(static_cast<std::uint64_t>(n));
    if (IdentityRotation<R> || (powers && !equalized)) CHECK(found == c.host_w);
  }
}

TEST_CASE("cuda::multiplier: every transform, in the original basis") {
  for (const bool equalized : {false, true}) {
    check<uniform<4>>(rotation::identity{}, 37, 101, equalized);
    check<uniform<4>>(hadamard{.seed = 5}, 37, 128, equalized);
    check<uniform<4>>(hadamard{.seed = 5}, 21, 512, equalized);
    check<uniform<4>>(hadamard{.seed = 5}, 37, 96, equalized);  // 12 2^3, not symmetric
    check<uniform<4>>(block_hadamard<32>{.seed = 5}, 20, 160, equalized);
    check<uniform<4>>(two_hadamards{{5}, {6}}, 64, 128, equalized);
  }
}

TEST_CASE("cuda::multiplier: an output side that is not symmetric") {
  check<uniform<4>>(two_hadamards{{5}, {6}}, 48, 96, true);
}

TEST_CASE("cuda::multiplier: vectors and trellises") {
  check<e8p<2>>(hadamard{.seed = 5}, 37, 128, true);
  check<trellis<2>>(rotation::identity{}, 37, 96, false);
  check<trellis<2>>(block_hadamard<32>{.seed = 5}, 40, 96, true);
}

template <class T>
constexpr double rounding = std::is_same_v<T, float>     ? 0.0
                            : std::is_same_v<T, float16> ? 0x1p-11
                                                         : 0x1p-8;

/// x and y of T, x' of S.
template <class T, class S, class R>
void check_halves(const R& r, index_t m, index_t n, bool equalized) {
  CAPTURE(R::name());
  const auto c = product_of<uniform<4>>(r, {.m = m,
                                            .n = n,
                                            .tokens = 3,
                                            .equalized = equalized,
                                            .x_rounding = rounding<S>,
                                            .y_rounding = rounding<T>});
  const auto codes = codes_of<uniform<4>>(c);
  const transforms<R> to(counting_host{}, c.q.inputs(), c.q.outputs());
  const matrix<float> y = multiplied<T, S, T, 0>(c, codes, to, cuda::thread_order::ascending);
  REQUIRE(y.rows() == 3);
  CHECK(test::error_over_bound(y, c.y, c.y_bound) <= 1);
}

TEST_CASE_TEMPLATE("cuda::multiplier: halves", T, float16, openquant::bfloat16) {
  check_halves<T, T>(rotation::identity{}, 20, 101, false);
  check_halves<T, T>(rotation::identity{}, 20, 101, true);
  check_halves<T, T>(hadamard{.seed = 5}, 20, 128, true);
  check_halves<T, float>(hadamard{.seed = 5}, 20, 96, true);
  check_halves<T, T>(two_hadamards{{5}, {6}}, 48, 128, true);
}

TEST_CASE("cuda::multiplier: the scratch may be x, and the steps may be taken alone") {
  const auto c = product_of<uniform<4>>(two_hadamards{{5}, {6}}, {.m = 64, .n = 128});
  const auto codes = codes_of<uniform<4>>(c);
  const counting_host d;
  const transforms<two_hadamards> to(d, c.q.inputs(), c.q.outputs());
  const matrix<float> expected =
      multiplied<float, float, float, 0>(c, codes, to, cuda::thread_order::ascending);
  using in = matrix_view<const float, device>;
  matrix<float> x(c.x), y(3, 64), again(c.x), z(3, 64);
  const auto over_x = test::on_device(x), own = test::on_device(again), to_z = test::on_device(z);
  cuda::multiply_by(d, to, codes.view(0.25f), in(over_x), over_x, test::on_device(y));
  CHECK(y == expected);
  to.input_to(d, in(own), own);
  CHECK(again == x);
  cuda::with_multiply_kernel(codes.view(0.25f), in(own), to_z,
                             [&](const auto& kernel) { d.run(kernel, "multiply"); });
  to.output_from(d, to_z);
  CHECK(z == expected);
}

TEST_CASE("cuda::multiplier: refuses other shapes before it runs anything") {
  const auto c = product_of<uniform<4>>(two_hadamards{{5}, {6}}, {.m = 64, .n = 128});
  const auto codes = codes_of<uniform<4>>(c);
  const counting_host d;
  const transforms<two_hadamards> to(d, c.q.inputs(), c.q.outputs());
  using view = matrix_view<float, device>;
  using in = matrix_view<const float, device>;
  const auto call = [&](in x, view scratch, view y) {
    cuda::multiply_by(d, to, codes.view(1), x, scratch, y);
  };
  const in x(nullptr, 2, 128);
  const view scratch(nullptr, 2, 128), y(nullptr, 2, 64);
  CHECK_THROWS_WITH_AS(call(x, scratch, view(nullptr, 3, 64)),
                       "cuda: multiplier of x (2, 128) by W (64, 128) to y (3, 64) with scratch "
                       "(2, 128)",
                       error);
  CHECK_THROWS_AS(call(in(nullptr, 2, 64), scratch, y), error);
  CHECK_THROWS_AS(call(in(nullptr, 3, 128), scratch, y), error);
  CHECK_THROWS_AS(call(x, scratch, view(nullptr, 2, 128)), error);
  CHECK_THROWS_WITH_AS(call(x, view{}, y),
                       "cuda: multiplier of x (2, 128) by W (64, 128) to y (2, 64) with scratch "
                       "(0, 0)",
                       error);
  CHECK_THROWS_AS(call(x, view(nullptr, 1, 128), y), error);
  CHECK_THROWS_AS(call(x, view(nullptr, 2, 64), y), error);
  CHECK_THROWS_AS(cuda::dequantize_by(d, to, codes.view(1), view(nullptr, 128, 64)), error);
  CHECK(d.kernels == 0);
}

TEST_CASE("cuda::multiplier: no tokens") {
  const auto c = product_of<uniform<4>>(hadamard{.seed = 5}, {.m = 20, .n = 128, .tokens = 0});
  const transforms<hadamard> to(counting_host{}, c.q.inputs(), c.q.outputs());
  CHECK(multiplied<float, float, float, 0>(c, codes_of<uniform<4>>(c), to,
                                           cuda::thread_order::ascending)
            .rows() == 0);
}

TEST_CASE("cuda::multiplier: refuses a rotation that no kernel has, by its order") {
  const rotation::two_sided<rotation::hadamard> r{};
  const index_t none = 32768;
  const std::vector<float> s;
  CHECK_THROWS_WITH_AS(transforms<two_hadamards>(counting_host{}, basis<two_hadamards>(r, none, s),
                                                 output_basis<two_hadamards>(r, 64)),
                       "cuda: no kernel has a rotation of order 32768", error);
  CHECK_THROWS_WITH_AS(transforms<two_hadamards>(counting_host{}, basis<two_hadamards>(r, 64, s),
                                                 output_basis<two_hadamards>(r, none)),
                       "cuda: no kernel has a rotation of order 32768", error);
}

}  // namespace
