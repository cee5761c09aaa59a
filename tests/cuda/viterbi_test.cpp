// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/cuda/viterbi.hpp>
#include <openquant/quantizer/trellis.hpp>

namespace {

using namespace openquant;

std::int16_t fixed(float a) {
  return static_cast<std::int16_t>(std::clamp(a * 4096.0f, -16384.0f, 16384.0f));
}

/// Rows of targets: normal, all far out, all 0, and two that change often.
template <index_t T>
matrix<std::int16_t> targets() {
  matrix<std::int16_t> x(6, T);
  for (index_t t = 0; t < T; ++t) {
    const auto at = static_cast<std::uint64_t>(t);
    x(0, t) = fixed(random::normal(1, at));
    x(1, t) = fixed(2 * random::normal(2, at));
    x(2, t) = 16384;
    x(3, t) = 0;
    x(4, t) = t / 7 % 3 == 0 ? 16384 : -16384;
    x(5, t) = fixed(t % 2 == 0 ? 1.0f : -1.0f);
  }
  return x;
}

template <class T>
matrix_view<T, device> on_device(matrix_view<T> a) {
  return {a.data(), a.rows(), a.cols(), a.stride()};
}

template <int B, int L, index_t T>
void check(const std::vector<std::int16_t>& value) {
  CAPTURE(B);
  CAPTURE(L);
  using search = quantizer::viterbi<B, L, T>;
  const matrix<std::int16_t> x = targets<T>();
  matrix<std::uint8_t> all(x.rows(), T + 5), expected(x.rows(), T + 5);
  for (const auto order : {cuda::thread_order::ascending, cuda::thread_order::descending}) {
    const auto kernel = cuda::make_viterbi_kernel<B, L, T>(
        matrix_view<const std::int16_t, device>(value.data(), 1, search::states),
        on_device(x.view()), on_device(all.view().block(0, 2, x.rows(), T)));
    cuda::run_on_host(kernel, kernel.grid(), order);
    typename search::workspace memory;
    for (index_t i = 0; i < x.rows(); ++i) {
      std::array<std::uint32_t, T> path;
      search::template closed_path<plain16<1>>(
          value.data(), std::span<const std::int16_t, T>(&x(i, 0), T), path, memory);
      for (index_t t = 0; t < T; ++t) {
        expected(i, 2 + t) =
            static_cast<std::uint8_t>(path[static_cast<std::size_t>(t)] % search::branches);
      }
    }
    CHECK(all == expected);
  }
}

template <int B, int L, index_t T>
void check_random() {
  std::vector<std::int16_t> value(std::size_t{1} << L);
  for (std::size_t s = 0; s < value.size(); ++s) value[s] = fixed(random::normal(9, s));
  check<B, L, T>(value);
  for (std::size_t s = 0; s < value.size(); ++s) value[s] = s % 3 == 0 ? 4096 : -4096;  // ties
  check<B, L, T>(value);
}

TEST_CASE("cuda::viterbi: the CPU's symbols, outliers and ties included") {
  check_random<1, 12, 256>();
  check_random<2, 12, 256>();
  check_random<3, 12, 256>();
  check_random<4, 12, 256>();
  check_random<1, 6, 256>();
  check_random<2, 7, 256>();
  check_random<2, 10, 64>();
  check_random<3, 11, 96>();
}

TEST_CASE("cuda::viterbi: with the values of a trellis") {
  using Q = quantizer::trellis<2>;
  const auto values = Q::search_values();
  check<2, 12, 256>({values.begin(), values.end()});
}

TEST_CASE("cuda::viterbi: refuses other shapes") {
  using values = matrix_view<const std::int16_t, device>;
  using bytes = matrix_view<std::uint8_t, device>;
  const values v(nullptr, 1, 4096), x(nullptr, 3, 256);
  CHECK_THROWS_WITH_AS((cuda::make_viterbi_kernel<2, 12, 256>(v, x, bytes(nullptr, 2, 256))),
                       "cuda: viterbi of 4096 states and 256 steps with values (1, 4096), x (3, "
                       "256) and symbols (2, 256)",
                       error);
  CHECK_THROWS_AS((cuda::make_viterbi_kernel<2, 12, 256>(x, x, bytes(nullptr, 3, 256))), error);
  CHECK_THROWS_AS((cuda::make_viterbi_kernel<2, 12, 256>(v, v, bytes(nullptr, 1, 256))), error);
}

}  // namespace
