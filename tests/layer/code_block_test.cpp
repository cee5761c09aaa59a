// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/layer/code_block.hpp>

#include "layer/lane_types.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;

constexpr index_t rows = 32;

struct fixture {
  matrix<float> w, u, start, target, error, ahead;

  explicit fixture(index_t columns)
      : w(normal_matrix(columns, rows, 1)),
        u(normal_matrix(columns, columns, 2)),
        start(normal_matrix(columns, rows, 3)),
        target(start),
        error(columns, rows),
        ahead(columns, rows) {
    for (float& x : std::span(u.data(), static_cast<std::size_t>(columns * columns))) x *= 0.25f;
  }
  column_block block(bool fed = true) {
    return {w, fed ? u.view() : matrix_view<float>{}, target, error, ahead};
  }
  /// value = start_l + sum over i < before of e(i) u(i, l), within what binary32 may lose of it.
  template <class Error>
  void check_sum(float value, index_t l, index_t s, index_t before, const Error& e) const {
    auto sum = static_cast<double>(start(l, s)), magnitude = std::fabs(sum);
    for (index_t i = 0; i < before; ++i) {
      const double part = static_cast<double>(u(i, l)) * e(i);
      sum += part;
      magnitude += std::fabs(part);
    }
    CHECK(std::fabs(static_cast<double>(value) - sum) <=
          static_cast<double>(before + 2) * 0x1p-24 * magnitude);
  }
};

/// Codes to whole numbers, pieces of `piece`: what each code and each fit saw.
template <class T, index_t d>
void check_pieces(index_t columns, index_t piece) {
  CAPTURE(columns);
  CAPTURE(piece);
  fixture f(columns);
  index_t coded = 0, fitted = 0;
  const auto b = f.block();
  code_block<T, d>(
      b, piece,
      [&](index_t k, index_t end) {
        CHECK(k == fitted);
        CHECK(k == coded);
        CHECK(end == std::min(k + piece, columns));
        fitted = end;
      },
      [&](index_t k) {
        CHECK(k == coded);
        CHECK(k + d <= fitted);
        coded += d;
        for (index_t l = k; l < k + d; ++l) {
          for (index_t s = 0; s < rows; ++s) {
            f.error(l, s) = f.w(l, s) - std::round(f.target(l, s));
          }
        }
      });
  CHECK(coded == columns);
  for (index_t l = 0; l < columns; ++l) {
    for (index_t s = 0; s < rows; ++s) {
      f.check_sum(f.target(l, s), l, s, l / d * d,
                  [&](index_t i) { return static_cast<double>(f.error(i, s)); });
    }
  }
}

TEST_CASE_TEMPLATE("code_block: fits before codes, and every code sees the errors before it", T,
                   lane_1, lane_baseline, lane_middle, lane_widest) {
  for (const index_t columns : {1, 7, 40}) {
    for (const index_t piece : {1, 5, 16, 40}) check_pieces<T, 1>(columns, piece);
  }
  for (const index_t piece : {8, 16, 24}) check_pieces<T, 8>(24, piece);
}

/// The compensated weights by their definition: those that, each coded without error, are met.
template <class T, index_t d>
void check_compensated(index_t columns, index_t k, index_t end) {
  fixture f(columns);
  const auto b = f.block();
  const matrix<float> ahead(compensated<T, d>(b, k, end));
  CHECK(f.target == f.start);
  REQUIRE(ahead.rows() == end - k);
  for (index_t l = k; l < end; ++l) {
    for (index_t s = 0; s < rows; ++s) {
      auto sum = static_cast<double>(f.start(l, s)), magnitude = std::fabs(sum);
      for (index_t i = k; i < k + (l - k) / d * d; ++i) {
        const double part = static_cast<double>(f.u(i, l)) *
                            (static_cast<double>(f.w(i, s)) - static_cast<double>(ahead(i - k, s)));
        sum += part;
        magnitude += std::fabs(part);
      }
      CHECK(std::fabs(static_cast<double>(ahead(l - k, s)) - sum) <=
            static_cast<double>(l - k + 2) * 0x1p-23 * magnitude);
    }
  }
}

TEST_CASE_TEMPLATE("code_block: compensated weights are what is met if nothing errs", T, lane_1,
                   lane_baseline, lane_middle, lane_widest) {
  check_compensated<T, 1>(40, 0, 40);
  check_compensated<T, 1>(40, 13, 30);
  check_compensated<T, 8>(40, 8, 32);
}

TEST_CASE("code_block: without feedback targets are coded, and fitted, as they are") {
  fixture f(20);
  const auto b = f.block(false);
  CHECK(matrix<float>(compensated<lane_widest, 1>(b, 4, 9)) ==
        matrix<float>(f.start.view().block(4, 0, 5, rows)));
  index_t calls = 0;
  code_block<lane_widest, 1>(
      b, 6, [](index_t, index_t) {}, [&](index_t) { ++calls; });
  CHECK(calls == 20);
  CHECK(f.target == f.start);
}

TEST_CASE("code_by_halves: every column once, in order, and fed by each before its block once") {
  for (const index_t n : {1, 4, 5, 16, 37}) {
    for (const index_t most : {1, 4, 7, 40}) {
      CAPTURE(n);
      CAPTURE(most);
      constexpr index_t first = 3;
      index_t coded = first;
      matrix<int> fed(n, n);
      code_by_halves(
          first, n, most,
          [&](index_t p, index_t count) {
            CHECK(p == coded);
            CHECK(1 <= count);
            CHECK(count <= most);
            for (index_t j = p; j < p + count; ++j) {
              for (index_t i = 0; i < n; ++i) {
                CHECK(fed(j - first, i) == (i < p - first ? 1 : 0));
              }
            }
            coded += count;
          },
          [&](index_t p, index_t count, index_t rest) {
            CHECK(p + count == coded);
            for (index_t j = p + count; j < p + count + rest; ++j) {
              for (index_t i = p; i < p + count; ++i) ++fed(j - first, i - first);
            }
          });
      CHECK(coded == first + n);
    }
  }
}

TEST_CASE("code_block: one row by itself gets what it gets in a strip") {
  constexpr index_t columns = 48;
  fixture strip(columns), single(columns);
  const auto run = [&]<class T>(T, const column_block& b) {
    code_block<T, 1>(
        b, 16,
        [&](index_t k, index_t end) {
          const auto fit = compensated<T, 1>(b, k, end);
          for (index_t s = 0; s < fit.cols(); ++s) b.error(k, s) = fit(end - 1 - k, s);
        },
        [&](index_t k) {
          for (index_t s = 0; s < b.w.cols(); ++s) {
            b.error(k, s) = b.w(k, s) - std::round(b.target(k, s));
          }
        });
  };
  run(lane_baseline{}, strip.block());  // wider lanes fuse products and sums
  const auto row = [&](matrix_view<float> a, index_t s) { return a.block(0, s, columns, 1); };
  for (index_t s = 0; s < rows; ++s) {
    run(0.0f, {row(single.w, s), single.u, row(single.target, s), row(single.error, s),
               row(single.ahead, s)});
  }
  CHECK(single.error == strip.error);
  CHECK(single.target == strip.target);
}

}  // namespace
