// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <type_traits>

#include <openquant/cuda/device_matrix.cuh>

#include "cuda/own_stream.hpp"

namespace {

using namespace openquant;
using cuda::backend, cuda::device_matrix, cuda::device_view;

template <class To, class From>
concept CanCopy = requires(backend on, matrix_view<const float, From> a, matrix_view<float, To> b) {
  cuda::copy(on, a, b);
};
static_assert(CanCopy<device, host> && CanCopy<host, device> && CanCopy<device, device>);
static_assert(!CanCopy<host, host>);
static_assert(std::is_convertible_v<device_matrix<float>&, device_view<float>>);
static_assert(std::is_convertible_v<const device_matrix<float>&, device_view<const float>>);
static_assert(!std::is_convertible_v<const device_matrix<float>&, device_view<float>>);
static_assert(!std::is_convertible_v<device_matrix<float>&, matrix_view<float>>);
static_assert(!std::is_convertible_v<matrix<float>&, device_view<float>>);
static_assert(!std::is_copy_constructible_v<device_matrix<float>> &&
              !std::is_copy_assignable_v<device_matrix<float>> &&
              std::is_nothrow_move_constructible_v<device_matrix<float>> &&
              std::is_nothrow_move_assignable_v<device_matrix<float>>);

TEST_CASE("cuda::device_matrix: an empty one takes no memory") {
  const device_matrix<float> none, flat(backend{}, 0, 5);
  CHECK(none.view().empty());
  CHECK(flat.cols() == 5);
  CHECK(flat.data() == nullptr);
  CHECK_THROWS_WITH_AS(device_matrix<float>(backend{}, -1, 2),
                       "cuda: device_matrix of shape (-1, 2)", error);
}

TEST_CASE("cuda::copy: shapes must agree") {
  matrix<float> a(2, 3);
  const device_view<float> b(nullptr, 3, 2);
  CHECK_THROWS_WITH_AS(cuda::copy(backend{}, a.view(), b),
                       "cuda: copy of a (2, 3) matrix to one of (3, 2)", error);
}

TEST_SUITE("device") {
  TEST_CASE("cuda::device_matrix: there and back, windows and moves") {
    const test::own_stream stream;
    const backend on = stream.backend();
    matrix<float> a(5, 7), b(5, 7), part(2, 3);
    for (index_t i = 0; i < 35; ++i) a.data()[i] = static_cast<float>(i);
    device_matrix<float> d(on, 5, 7), e;
    CHECK(d.size_bytes() == 140);
    cuda::copy(on, a.view(), d.view());
    const float* place = d.data();
    e = std::move(d);
    CHECK(e.data() == place);
    cuda::copy(on, e.view(), b.view());
    cuda::copy(on, e.view().block(1, 2, 2, 3), part.view());
    cuda::check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize");
    CHECK(a == b);
    for (index_t i = 0; i < 2; ++i) {
      for (index_t j = 0; j < 3; ++j) CHECK(part(i, j) == a(1 + i, 2 + j));
    }
  }

  TEST_CASE("cuda::device_matrix: more than the device has") {
    CHECK_THROWS_AS(device_matrix<float>(backend{}, index_t{1} << 24, index_t{1} << 24),
                    cuda::error);
  }
}

}  // namespace
