// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

#include <openquant/cuda/rotation.hpp>
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/dense.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>

#include "cuda/host_solver.hpp"
#include "normal_matrix.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using test::host_solver;
using test::on_device;

static_assert(cuda::DeviceRotation<rotation::identity>);
static_assert(cuda::DeviceRotation<rotation::hadamard>);
static_assert(cuda::DeviceRotation<rotation::block_hadamard<128>>);
static_assert(cuda::DeviceRotation<rotation::two_sided<rotation::hadamard>>);
static_assert(!cuda::DeviceRotation<rotation::dense>);
static_assert(!cuda::DeviceRotation<rotation::two_sided<rotation::hadamard, rotation::dense>>);

TEST_CASE("cuda::rotation: which orders have a kernel") {
  for (const index_t n : {2, 128, 16384, 96, 11008, 13824}) {
    CAPTURE(n);
    CHECK(cuda::has_transform_kernel(n));
  }
  for (const index_t n : {1, 32768, 12 * 4096, 5, 260 * 4}) {
    CAPTURE(n);
    CHECK(!cuda::has_transform_kernel(n));
  }
}

TEST_CASE("cuda::rotation: no row of no numbers") {
  CHECK(cuda::row_on(host_solver{}, {}).rows() == 0);
  const auto row = cuda::row_on(host_solver{}, {1, 2, 3});
  CHECK(row.rows() == 1);
  CHECK(row(0, 2) == 3);
}

/// The largest difference of x <- T x, or T^T x, from the CPU's, over the largest number.
template <class R>
double difference(const R& r, index_t n, const std::vector<float16>& s, bool transposed) {
  const index_t rows = 5;
  const auto bound = r.bind(n);
  const host_solver d;
  const cuda::device_rotation<host_solver> there(d, bound, s);
  matrix<float> expected = test::normal_matrix(rows, n, 3), x(expected), to(rows, n);
  for (index_t i = 0; i < rows; ++i) {
    const auto divide = [&] {
      for (std::size_t j = 0; j < s.size(); ++j) expected.row(i)[j] /= to_float(s[j]);
    };
    if (!transposed) divide();
    if (transposed)
      bound.apply_inverse(expected.row(i));
    else
      bound.apply(expected.row(i));
    if (transposed) divide();
  }
  const matrix_view<const float, device> from = on_device(x);
  const auto run = [&](matrix_view<float, device> y) {
    if (transposed)
      there.apply_transposed(d, from, y);
    else
      there.apply(d, from, y);
  };
  run(on_device(to));
  run(on_device(x));  // in place
  CHECK(x == to);
  double most = 0, largest = 0;
  for (index_t i = 0; i < rows * n; ++i) {
    const auto a = static_cast<double>(expected.data()[i]), b = static_cast<double>(to.data()[i]);
    most = test::worst(most, std::fabs(a - b));
    largest = std::max(largest, std::fabs(a));
  }
  return most / largest;
}

TEST_CASE("cuda::rotation: the CPU's bits for powers of two, both ways") {
  for (const bool transposed : {false, true}) {
    CHECK(difference(rotation::hadamard{.seed = 5}, 128, {}, transposed) == 0);
    CHECK(difference(rotation::hadamard{.seed = 5}, 1024, {}, transposed) == 0);
    CHECK(difference(rotation::block_hadamard<32>{.seed = 5}, 160, {}, transposed) == 0);
    // Dividing by powers of two rounds nothing.
    std::vector<float16> s;
    for (int j = 0; j < 128; ++j) s.push_back(to_float16(j % 3 == 0 ? 0.25f : 2.0f));
    CHECK(difference(rotation::hadamard{.seed = 5}, 128, s, transposed) == 0);
  }
}

TEST_CASE("cuda::rotation: to rounding for 12 2^k and for other scales") {
  std::vector<float16> s;
  for (int j = 0; j < 160; ++j) s.push_back(to_float16(0.5f + static_cast<float>(j) / 100));
  const std::vector<float16> some(s.begin(), s.begin() + 96);
  for (const bool transposed : {false, true}) {
    CHECK(difference(rotation::hadamard{.seed = 5}, 96, {}, transposed) < 1e-6);
    CHECK(difference(rotation::hadamard{.seed = 5}, 96, some, transposed) < 1e-6);
    CHECK(difference(rotation::block_hadamard<32>{.seed = 5}, 160, s, transposed) < 1e-6);
    CHECK(difference(rotation::block_hadamard<20>{.seed = 5}, 160, s, transposed) < 1e-6);
  }
}

TEST_CASE("cuda::rotation: refuses an order that no kernel has") {
  const auto bound = rotation::hadamard{}.bind(32768);
  CHECK_THROWS_WITH_AS(cuda::device_rotation<host_solver>(host_solver{}, bound),
                       "cuda: no kernel has a rotation of order 32768", error);
}

}  // namespace
