// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/layer/feed_back.hpp>

#include "layer/lane_types.hpp"
#include "layer/random_layer.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;

constexpr index_t rows = 32;

double product(const matrix<float>& u, index_t i, index_t l, float e) {
  return static_cast<double>(u(i, l)) * static_cast<double>(e);
}

TEST_CASE_TEMPLATE("feed_back: the sums in double, at every count of errors and of targets", T,
                   lane_1, lane_baseline, lane_middle, lane_widest) {
  for (const index_t count : {0, 1, 3, 7, 8, 9, 16, 29}) {
    for (const index_t cols : {0, 1, 5, 64}) {
      CAPTURE(count);
      CAPTURE(cols);
      // Windows of wider matrices, off every alignment.
      const matrix<float> error = normal_matrix(count + 1, rows + 3, 1);
      const matrix<float> u = normal_matrix(count + 1, cols + 5, 2);
      matrix<float> target = normal_matrix(cols + 1, rows + 1, 3);
      const matrix<float> before = target;
      feed_back<T>(error.view().block(1, 3, count, rows), u.view().block(1, 5, count, cols),
                   target.view().block(1, 1, cols, rows));
      for (index_t l = 0; l < target.rows(); ++l) {
        for (index_t s = 0; s < target.cols(); ++s) {
          if (l < 1 || s < 1) {
            CHECK(target(l, s) == before(l, s));
            continue;
          }
          auto sum = static_cast<double>(before(l, s)), magnitude = std::fabs(sum);
          for (index_t i = 1; i <= count; ++i) {
            const double part = product(u, i, l + 4, error(i, s + 2));
            sum += part;
            magnitude += std::fabs(part);
          }
          const double bound = static_cast<double>(count + 1) * 0x1p-24 * magnitude;
          CHECK(std::fabs(static_cast<double>(target(l, s)) - sum) <= bound);
        }
      }
    }
  }
}

/// Codes to whole numbers: what is coded, in which order, and with which feedback.
template <class T, index_t d>
void check_order(index_t cols) {
  CAPTURE(d);
  CAPTURE(cols);
  const matrix<float> u = normal_matrix(cols, cols, 4), start = normal_matrix(cols, rows, 5);
  matrix<float> target = start, error(cols, rows);
  std::vector<index_t> visited;
  code_in_order<T, d>(u, target, error, [&](index_t k) {
    visited.push_back(k);
    for (index_t l = k; l < k + d; ++l) {
      for (index_t s = 0; s < rows; ++s) error(l, s) = target(l, s) - std::round(target(l, s));
    }
  });
  REQUIRE(static_cast<index_t>(visited.size()) == cols / d);
  for (index_t l = 0; l < cols; ++l) {
    CHECK(visited[static_cast<std::size_t>(l / d)] == l / d * d);
    for (index_t s = 0; s < rows; ++s) {
      // The target that was coded, from the errors that were made: those of earlier blocks alone.
      auto sum = static_cast<double>(start(l, s)), magnitude = std::fabs(sum);
      for (index_t i = 0; i < l / d * d; ++i) {
        const double part = product(u, i, l, error(i, s));
        sum += part;
        magnitude += std::fabs(part);
      }
      CHECK(std::fabs(static_cast<double>(target(l, s)) - sum) <=
            static_cast<double>(l + 1) * 0x1p-24 * magnitude);
    }
  }
}

TEST_CASE_TEMPLATE("code_in_order: each block sees the errors of all before it, and no other", T,
                   lane_1, lane_baseline, lane_middle, lane_widest) {
  for (const index_t cols : {1, 7, 8, 17, 128}) check_order<T, 1>(cols);
  for (const index_t cols : {3, 24, 30}) check_order<T, 3>(cols);
  for (const index_t cols : {8, 40}) check_order<T, 8>(cols);
  check_order<T, 24>(72);
}

TEST_CASE("code_in_order: without u nothing is fed back") {
  matrix<float> target = normal_matrix(20, rows, 6), error(20, rows);
  const matrix<float> before = target;
  for (float& e : std::span(error.data(), 20 * rows)) e = 1;
  index_t calls = 0;
  code_in_order<lane_widest, 1>({}, target, error, [&](index_t) { ++calls; });
  CHECK(calls == 20);
  CHECK(target == before);
}

}  // namespace
