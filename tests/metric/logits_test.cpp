// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/metric/logits.hpp>

namespace {

using namespace openquant;
using metric::find_peak;

TEST_CASE_TEMPLATE("logits: the peak is the first largest element", Arch, baseline_arch,
                   default_arch) {
  for (const index_t vocab : {1, 2, 3, 7, 8, 9, 17, 64, 65, 4096}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      std::vector<float> row(static_cast<std::size_t>(vocab));
      // Few distinct values, so that most rows have ties.
      for (std::size_t j = 0; j < row.size(); ++j) {
        row[j] = -2.0f + static_cast<float>(random::index(seed, j, 5));
      }
      const auto first = std::max_element(row.begin(), row.end());
      const auto peak = find_peak<Arch>(row, "logits", 0);
      CHECK(peak.value == *first);
      CHECK(peak.index == first - row.begin());
    }
  }
}

TEST_CASE_TEMPLATE("logits: all elements equal have their peak at 0", Arch, baseline_arch,
                   default_arch) {
  const std::vector<float> row(37, -3.0f);
  CHECK(find_peak<Arch>(row, "logits", 0).index == 0);
}

TEST_CASE_TEMPLATE("logits: lanes past the end hold the fill", Arch, baseline_arch, default_arch) {
  constexpr index_t lanes = lane_count<batch<Arch>>;
  const std::vector<float> row{1, 2, 3};
  for (const index_t j : {0, 1, 2}) {
    float lane[lanes];
    store(metric::load_logits<Arch>(row, j, -7.0f), lane);
    for (index_t l = 0; l < lanes; ++l) {
      CHECK(lane[l] == (j + l < 3 ? row[static_cast<std::size_t>(j + l)] : -7.0f));
    }
  }
}

TEST_CASE_TEMPLATE("logits: the sum is taken in double", Arch, baseline_arch, default_arch) {
  constexpr index_t lanes = lane_count<batch<Arch>>;
  metric::wide_sum<Arch> sum;
  sum.add(batch<Arch>(16777216.0f));  // 2^24: in float, adding 1 would change nothing
  for (int i = 0; i < 10; ++i) sum.add(batch<Arch>(1.0f));
  CHECK(sum.total() == static_cast<double>(lanes) * (16777216.0 + 10.0));
}

TEST_CASE_TEMPLATE("logits: what is not finite is refused, with its place", Arch, baseline_arch,
                   default_arch) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, 0x1p126f}) {
    for (const std::size_t at : {0u, 5u, 16u, 32u}) {
      std::vector<float> row(33, 1.0f);
      row[at] = bad;
      const std::string place = "student: logit " + std::to_string(at) + " of token 4 is ";
      try {
        find_peak<Arch>(row, "student", 4);
        FAIL("accepted");
      } catch (const error& e) {
        CHECK(std::string(e.what()).starts_with(place));
      }
    }
  }
  const std::vector<float> edge{0x1p125f, -0x1p125f, 0.0f};
  CHECK(find_peak<Arch>(edge, "student", 0).index == 0);
}

}  // namespace
