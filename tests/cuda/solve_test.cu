// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/gptq.cuh>
#include <openquant/cuda/multiplier.cuh>
#include <openquant/cuda/solve.cuh>
#include <openquant/equalizer/identity.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>

#include "cuda/agreement.hpp"
#include "cuda/oracle.hpp"
#include "cuda/own_stream.hpp"
#include "laws/solver_laws.hpp"

namespace {

using namespace openquant;

/// A layer of which the device decodes the weights.
template <class Quantized>
struct device_layer {
  Quantized q;
  const openquant::report& report() const { return q.report(); }
  matrix<float> dequantize() const {
    const test::own_stream stream;
    const cuda::queue d(stream.backend());
    auto w = d.zeros<float>(q.rows(), q.cols());
    cuda::multiplier(d.on(), q).dequantize(d.on(), w.view());
    return d.read(w.view());
  }
  friend bool operator==(const device_layer&, const device_layer&) = default;
};
template <class Quantized>
device_layer(Quantized) -> device_layer<Quantized>;

/// A method as the device runs it, or without feedback as the CPU does, for the laws of solvers.
template <class Method>
struct on_device {
  Method method;
  bool feedback = true;
  auto quantize(const matrix<float>& w, const hessian& h) const {
    const test::own_stream stream;
    return device_layer{feedback ? method.quantize(stream.backend(), w, h)
                                 : test::rounding_oracle(method, w, h)};
  }
};
template <class Method>
on_device(Method) -> on_device<Method>;

template <class Method>
on_device<Method> without_feedback(const on_device<Method>& d) {
  return {d.method, false};
}

static_assert(std::is_empty_v<cuda::tile_memory<quantizer::uniform<4>>>);

TEST_CASE("cuda::solve: a refused kernel says of what") {
  const cuda::solver d(cuda::backend{}, " of w (3, 5)");
  auto kernel = cuda::make_transpose_kernel(matrix_view<const float, device>(nullptr, 3, 5),
                                            matrix_view<float, device>(nullptr, 5, 3));
  kernel.tiles.rows = kernel.tiles.cols = index_t{1} << 24;  // more blocks than any device takes
  CHECK_THROWS_WITH_AS(d.run(kernel, "transpose"),
                       doctest::Contains("cuda: transpose of w (3, 5): "), error);
}

TEST_SUITE("device") {
  using namespace quantizer;

  TEST_CASE("cuda::solve: an identity Hessian gives rounding, bit for bit" *
            doctest::skip(test::fused)) {
    laws::check_identity_hessian(on_device{gptq<uniform<4>>{.options = {.group_size = 32}}}, 33,
                                 130, 60);
    laws::check_identity_hessian(on_device{gptq<uniform<4>>{.options = {.group_size = -1}}}, 33,
                                 256, 61);
    laws::check_identity_hessian(on_device{gptq<lloyd_max<2>>{}}, 20, 140, 62);
    laws::check_identity_hessian(on_device{gptq<companded<lattice::e8, 3>>{}}, 20, 140, 63);
    laws::check_identity_hessian(on_device{gptq<e8p<2>>{}}, 20, 136, 64);
    laws::check_identity_hessian(on_device{gptq<trellis<2>>{}}, 16, 64, 65);
  }

  TEST_CASE("cuda::solve: feedback lowers the error, and the report is true") {
    const matrix<float> w = test::normal_matrix(24, 192, 4);
    for (const double rho : {0.3, 0.9}) {
      const hessian h = test::random_hessian(400, 192, rho, 3);
      CHECK(laws::check_against_rounding(on_device{gptq<uniform<4>>{}}, w, h));
      CHECK(laws::check_against_rounding(on_device{gptq<lloyd_max<2>>{}}, w, h));
      CHECK(laws::check_against_rounding(on_device{gptq<companded<lattice::e8, 3>>{}}, w, h));
      CHECK(laws::check_against_rounding(on_device{gptq<e8p<2>>{}}, w, h));
      CHECK(laws::check_against_rounding(on_device{gptq<trellis<2>>{}}, w, h));
      CHECK(laws::check_against_rounding(on_device{gptq<uniform<3>, rotation::hadamard>{}}, w, h));
    }
  }

  TEST_CASE("cuda::solve: the product that it asks of a device, beside what a queue has") {
    const test::own_stream stream;
    const cuda::backend on = stream.backend();
    const cuda::solver d(on);
    matrix<float> a(2, 3);
    for (index_t i = 0; i < 6; ++i) a.data()[i] = static_cast<float>(i);
    auto there = d.zeros<float>(2, 3), square = d.zeros<float>(3, 3);
    cuda::copy(on, a.view(), there.view());
    for (int k = 0; k < 2; ++k) {  // twice A^T A
      d.multiply_add<linalg::op::transpose, linalg::op::none>(
          std::as_const(there).view(), std::as_const(there).view(), 1.0f, square.view());
    }
    CHECK(d.read(square.view())(1, 2) == 2 * (1 * 2 + 4 * 5));
  }

  TEST_CASE("cuda::solve: the tables of a trellis") {
    using Q = quantizer::trellis<2>;
    const cuda::solver d(cuda::backend{});
    cuda::tile_tables<Q> tables(d);
    const cuda::tile_memory<Q> there = tables.view();
    const matrix<std::int16_t> value = d.read(there.value);
    REQUIRE(value.cols() == std::ssize(Q::search_values()));
    for (index_t s = 0; s < value.cols(); ++s) {
      CHECK(value(0, s) == Q::search_values()[static_cast<std::size_t>(s)]);
    }
    CHECK(there.workspace.empty());  // from L = 13 on
    CHECK(there.table != nullptr);
  }
}

}  // namespace
