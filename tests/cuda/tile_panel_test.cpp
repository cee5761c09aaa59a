// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <openquant/cuda/panel.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/trellis.hpp>

#include "cuda/host_solver.hpp"
#include "layer/random_feedback.hpp"

namespace {

using namespace openquant;
using namespace openquant::quantizer;
using cuda::thread_order;
using test::on_device;

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
  matrix<float> w = test::normal_matrix(m, n, 7),
                u = fed ? test::random_feedback(n, 16) : matrix<float>{};
  matrix<float> sum(fed ? n : 0, whole), error(n, whole), scales(strips, shape.scales());
  std::fill_n(error.data(), n * whole, std::numeric_limits<float>::quiet_NaN());
  matrix<std::int32_t> words(strips, shape.words());
  matrix<std::uint32_t> workspace(2, cuda::encode_tiles_workspace<Q>);
  const cuda::table_entry<Q>* table = nullptr;
  if constexpr (table_size < Q >> 0) table = Q::table().data();
  const cuda::panel_view<Q> view{q,
                                 shape,
                                 on_device(w),
                                 on_device(u),
                                 {},
                                 on_device(sum),
                                 on_device(error),
                                 on_device(scales),
                                 on_device(words),
                                 {on_device(Q::search_values()), on_device(workspace), table}};
  cuda::code_columns(test::host_solver{order}, view);

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
  cuda::code_columns(test::host_solver{},
                     cuda::panel_view<Q>{{},
                                         shape,
                                         on_device(w),
                                         on_device(u),
                                         {},
                                         on_device(sum),
                                         on_device(error),
                                         on_device(scales),
                                         on_device(words),
                                         {on_device(Q::search_values()), {}, Q::table().data()}});
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
