// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <vector>

#include <openquant/cuda/viterbi.hpp>
#include <openquant/quantizer/trellis.hpp>

#include "cuda/block_search.hpp"

namespace {

using namespace openquant;

template <class T>
matrix_view<T, device> on_device(matrix_view<T> a) {
  return {a.data(), a.rows(), a.cols(), a.stride()};
}

/// Rows first, ..., rows - 1 of the targets, by at most `blocks` blocks.
template <int B, int L, index_t T>
void check(const std::vector<std::int16_t>& value, index_t first = 0, index_t blocks = 6) {
  CAPTURE(B);
  CAPTURE(L);
  const matrix<std::int16_t> x = test::viterbi_targets<T>();
  const matrix<std::uint8_t> symbols = test::scalar_symbols<B, L, T>(value, x);
  matrix<std::uint8_t> expected(x.rows(), T + 5);
  for (index_t i = first; i < x.rows(); ++i) {
    std::ranges::copy(symbols.row(i), &expected(i, 2));
  }
  for (const auto order : {cuda::thread_order::ascending, cuda::thread_order::descending}) {
    matrix<std::uint8_t> all(x.rows(), T + 5);
    matrix<std::uint32_t> workspace(blocks, cuda::viterbi_workspace<B, L, T>);
    const index_t rows = x.rows() - first;
    const auto kernel = cuda::make_viterbi_kernel<B, L, T>(
        matrix_view<const std::int16_t, device>(value.data(), 1, std::ssize(value)),
        on_device(x.view().block(first, 0, rows, T)),
        on_device(all.view().block(first, 2, rows, T)), on_device(workspace.view()));
    cuda::run_on_host(kernel, kernel.grid(), order);
    CHECK(all == expected);
  }
}

template <int B, int L, index_t T>
void check_random() {
  check<B, L, T>(test::normal_values(L));
  check<B, L, T>(test::tied_values(L));
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

TEST_CASE("cuda::viterbi: 2^16 states, in place") {
  check<1, 16, 32>(test::tied_values(16), 4);
  check<2, 16, 256>(test::normal_values(16), 4);
  check<3, 16, 32>(test::normal_values(16), 4);
  check<4, 16, 32>(test::tied_values(16), 4);
}

TEST_CASE("cuda::viterbi: fewer blocks than sequences") {
  check<2, 13, 64>(test::normal_values(13), 0, 4);
  check<2, 13, 64>(test::normal_values(13), 1, 1);
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

TEST_CASE("cuda::viterbi: refuses a workspace of another shape") {
  using values = matrix_view<const std::int16_t, device>;
  using words = matrix_view<std::uint32_t, device>;
  const values v(nullptr, 1, 65536), x(nullptr, 3, 256);
  const matrix_view<std::uint8_t, device> symbols(nullptr, 3, 256);
  constexpr index_t n = cuda::viterbi_workspace<2, 16, 256>;
  static_assert(n == 256 * 1024 && cuda::viterbi_workspace<2, 12, 256> == 0);
  CHECK_THROWS_WITH_AS(
      (cuda::make_viterbi_kernel<2, 16, 256>(v, x, symbols)),
      "cuda: viterbi of 65536 states and 256 steps with a workspace of (0, 0), which has 262144 "
      "words a block",
      error);
  CHECK_THROWS_AS((cuda::make_viterbi_kernel<2, 16, 256>(v, x, symbols, words(nullptr, 2, n - 1))),
                  error);
  const auto of = [&](index_t blocks) {
    return cuda::make_viterbi_kernel<2, 16, 256>(v, x, symbols, words(nullptr, blocks, n)).grid();
  };
  CHECK(of(2) == 2);
  CHECK(of(7) == 3);
}

}  // namespace
