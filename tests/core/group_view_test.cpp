// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/core/group_view.hpp>
#include <openquant/core/simd.hpp>

namespace {

using namespace openquant;

TEST_CASE("group_view: one row of weights") {
  const float w[] = {1, 2, 3, 4, 5, 6}, h[] = {0.5f, 0.25f, 0.125f};
  const group_view<float> plain(w, 1, 6), column(w + 1, 2, 3, h);
  CHECK(plain.size() == 6);
  CHECK(plain[5] == 6);
  CHECK(plain.weight(5) == 1);
  CHECK(column.size() == 3);
  CHECK(column[0] == 2);
  CHECK(column[2] == 6);
  CHECK(column.weight(2) == 0.125f);
  CHECK(column.unweighted()[2] == 6);
  CHECK(column.unweighted().weight(2) == 1);
  CHECK(!column.searched_by_team());
  const group_view<float> shared(w, 1, 6, h, team{32});
  CHECK(shared.unweighted().searched_by_team());
  CHECK(shared.unweighted().team().threads == 32);
}

TEST_CASE_TEMPLATE("group_view: rows in the lanes", Arch, baseline_arch, default_arch) {
  using lanes = batch<Arch>;
  constexpr index_t width = lane_count<lanes>;
  float panel[3 * width];  // (3, width): column j of `width` rows lies together
  for (index_t i = 0; i < 3 * width; ++i) panel[i] = static_cast<float>(i);
  const group_view<lanes> group(panel, width, 3);
  for (index_t j = 0; j < 3; ++j) {
    float out[width];
    store(group[j], out);
    for (index_t l = 0; l < width; ++l) CHECK(out[l] == static_cast<float>(j * width + l));
  }
}

}  // namespace
