// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/cuda/panel.hpp>
#include <openquant/linalg/gemm.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/trellis.hpp>

#include "normal_matrix.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using cuda::thread_order;

template <class T>
matrix_view<T, device> there(matrix<T>& a) {
  return {a.data(), a.rows(), a.cols()};
}
template <class T>
matrix_view<const T, device> there(std::span<const T> a) {
  return {a.data(), 1, std::ssize(a)};
}

/// Sums are in another order than the CPU's, to which a search answers with other paths. So each
/// tile is held against the CPU's search for what the kernel says was fed back, and that against
/// the errors it reports, in double.
template <class Q>
void check(const Q& q, index_t m, index_t n, index_t g, bool fed, thread_order order) {
  CAPTURE(Q::name());
  CAPTURE(m);
  CAPTURE(g);
  const index_t whole = (m + 31) / 32 * 32, strips = (m + 15) / 16;
  const strip_shape<Q> shape{n, g};
  matrix<float> w = test::normal_matrix(m, n, 7), u;
  if (fed) {
    u = test::normal_matrix(n, n, 6);
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        if (j / 16 > i / 16)
          u(i, j) *= 0.05f;
        else
          u(i, j) = i == j ? 1.0f : 0.0f;
      }
    }
  }
  matrix<float> sum(fed ? n : 0, whole), error(n, whole), scales(strips, shape.scales());
  std::fill_n(error.data(), n * whole, std::numeric_limits<float>::quiet_NaN());
  matrix<std::int32_t> words(strips, shape.words());
  matrix<std::uint32_t> workspace(2, cuda::encode_tiles_workspace<Q>);
  const cuda::table_entry<Q>* table = nullptr;
  if constexpr (table_size < Q >> 0) table = Q::table().data();
  const cuda::panel_view<Q> view{q,
                                 shape,
                                 there(w),
                                 there(u),
                                 {},
                                 there(sum),
                                 there(error),
                                 there(scales),
                                 there(words),
                                 {there(Q::search_values()), there(workspace), table}};
  cuda::code_columns(
      view, [&](const auto& kernel) { cuda::run_on_host(kernel, kernel.grid(), order); },
      [&](index_t p, index_t count, index_t rest) {
        linalg::gemm<linalg::op::transpose>(1.0f, u.view().block(p, p + count, count, rest),
                                            error.view().block(p, 0, count, whole), 1.0f,
                                            sum.view().block(p + count, 0, rest, whole));
      });

  typename Q::workspace memory;
  for (index_t strip = 0; strip < strips; ++strip) {
    for (index_t b = 0; b < n / 16; ++b) {
      matrix<float> x(16, 16), s(1, 16), decoded(16, 16);
      for (index_t r = 0; r < 16; ++r) {
        s(0, r) = scales(strip, 16 * b / g * 16 + r);
        const index_t row = strip * 16 + r;
        if (row >= m) CHECK(s(0, r) == 0);
        for (index_t k = 0; k < 16 && row < m; ++k) {
          x(k, r) = w(row, 16 * b + k);
          if (fed) x(k, r) += sum(16 * b + k, row);
        }
      }
      std::array<std::int32_t, 256> symbols{};
      q.template encode_tile<float>(x, s, symbols, memory);
      std::int32_t expected[Q::lane_words];
      Q::to_lanes(symbols, expected);
      const std::int32_t* found = &words(strip, b * Q::lane_words);
      CHECK(std::equal(found, found + Q::lane_words, expected));
      q.template decode_tile<float>(symbols, s, decoded);
      for (index_t r = 0; r < 16; ++r) {
        const index_t row = strip * 16 + r;
        for (index_t k = 0; k < 16; ++k) {
          const float e = row < m ? w(row, 16 * b + k) - decoded(k, r) : 0.0f;
          CHECK(error(16 * b + k, row) == e);
        }
      }
    }
  }
  for (index_t j = 0; j < n; ++j) {  // of a last warp that has one strip
    for (index_t r = 16 * strips; r < whole; ++r) CHECK(error(j, r) == 0);
  }
  for (index_t j = 0; fed && j < n; ++j) {
    for (index_t r = 0; r < m; ++r) {
      double total = 0, magnitude = 0;
      for (index_t i = 0; i < j / 16 * 16; ++i) {
        const double part = static_cast<double>(u(i, j)) * static_cast<double>(error(i, r));
        total += part;
        magnitude += std::fabs(part);
      }
      CHECK(std::fabs(static_cast<double>(sum(j, r)) - total) <=
            static_cast<double>(j + 1) * 0x1p-24 * magnitude);
    }
  }
}

TEST_CASE_TEMPLATE("cuda::tile_panel: the CPU's search of what was fed back", Q, trellis<2, 8>,
                   trellis<3, 10>, trellis<1, 9, code::one_mad>) {
  check(Q{}, 40, 96, 32, true, thread_order::ascending);
  check(Q{}, 16, 80, 80, false, thread_order::descending);
  check(Q{}, 21, 64, 64, true, thread_order::descending);
  check(Q{.scaled = false}, 33, 48, 48, true, thread_order::ascending);
}

TEST_CASE("cuda::tile_panel: groups longer than a block, fitted beforehand") {
  check(trellis<2, 8>{}, 17, 320, 160, true, thread_order::ascending);
}

TEST_CASE("cuda::tile_panel: a search in place, which needs a workspace") {
  check(trellis<2, 13>{}, 40, 32, 32, true, thread_order::ascending);
}

/// The scale of a group is that of its compensated weights, by definition.
TEST_CASE("cuda::tile_panel: scales are fitted on the way") {
  using Q = trellis<2, 8>;
  const index_t m = 16, n = 64, g = 32;
  const strip_shape<Q> shape{n, g};
  matrix<float> w = test::normal_matrix(m, n, 7), u(n, n), sum(n, 32), error(n, 32);
  for (index_t i = 0; i < n; ++i) u(i, i) = 1;
  for (index_t j = g; j < n; ++j)
    u(0, j) = 4;  // the first error doubles the second group, and more
  matrix<float> scales(1, shape.scales());
  matrix<std::int32_t> words(1, shape.words());
  cuda::code_columns(
      cuda::panel_view<Q>{{},
                          shape,
                          there(w),
                          there(u),
                          {},
                          there(sum),
                          there(error),
                          there(scales),
                          there(words),
                          {there(Q::search_values()), {}, Q::table().data()}},
      [&](const auto& kernel) { cuda::run_on_host(kernel, kernel.grid()); },
      [&](index_t p, index_t count, index_t rest) {
        linalg::gemm<linalg::op::transpose>(1.0f, u.view().block(p, p + count, count, rest),
                                            error.view().block(p, 0, count, 32), 1.0f,
                                            sum.view().block(p + count, 0, rest, 32));
      });
  for (index_t r = 0; r < m; ++r) {
    double energy = 0;
    for (index_t j = g; j < n; ++j) {
      const double x = static_cast<double>(w(r, j)) + 4 * static_cast<double>(error(0, r));
      energy += x * x;
    }
    CHECK(static_cast<double>(scales(0, 16 + r)) ==
          doctest::Approx(std::sqrt(energy / static_cast<double>(g))).epsilon(1e-3));
  }
}

}  // namespace
