// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/core/matrix.hpp>
#include <openquant/cuda/storage.hpp>

namespace {

using namespace openquant;
using namespace openquant::cuda;

static_assert(Storage<float> && Storage<float16> && Storage<bfloat16> && !Storage<double>);

TEST_CASE_TEMPLATE("cuda::storage: every half comes back", T, float16, bfloat16) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const T h{static_cast<std::uint16_t>(bits)};
    const float x = widened(h);
    if (std::isnan(x)) {
      CHECK(std::isnan(widened(narrowed<T>(x))));
    } else {
      CHECK(narrowed<T>(x) == h);
    }
  }
}

TEST_CASE("cuda::storage: floats stay, ties go to even") {
  CHECK(widened(1.1f) == 1.1f);
  CHECK(narrowed<float>(1.1f) == 1.1f);
  CHECK(widened(narrowed<float16>(2049.0f)) == 2048.0f);
  CHECK(widened(narrowed<float16>(2051.0f)) == 2052.0f);
  CHECK(widened(narrowed<bfloat16>(257.0f)) == 256.0f);
  CHECK(widened(narrowed<float16>(1e9f)) == std::numeric_limits<float>::infinity());
}

TEST_CASE_TEMPLATE("cuda::storage: packets are 16 bytes, or as many as told", T, float, float16,
                   bfloat16) {
  static_assert(sizeof(packet<T>) == 16 && alignof(packet<T>) == 16);
  static_assert(sizeof(packet<T, 8>) == 8 && alignof(packet<T, 8>) == 8);
  constexpr index_t n = packet<T>::size;
  matrix<T> x(3, n), y(3, n);
  for (index_t i = 0; i < 3 * n; ++i) x.data()[i] = narrowed<T>(static_cast<float>(i));
  for (index_t i = 0; i < 3; ++i) store_packet(load_packet(&x(i, 0)), &y(i, 0));
  CHECK(x == y);
}

TEST_CASE("cuda::storage: rows are aligned by place and stride") {
  matrix<float> x(4, 8);
  CHECK(rows_are_aligned(x.view()));
  CHECK(rows_are_aligned(x.view().block(0, 4, 2, 4)));
  CHECK(!rows_are_aligned(x.view().block(0, 1, 2, 4)));
  CHECK(!rows_are_aligned(matrix_view<float>(x.data(), 2, 6)));
  CHECK(rows_are_aligned(matrix_view<float>(x.data(), 1, 6)));
  CHECK(!rows_are_aligned(matrix_view<bfloat16>(reinterpret_cast<bfloat16*>(x.data()), 2, 4)));
}

}  // namespace
