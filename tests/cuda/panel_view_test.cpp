// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/panel_view.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>

namespace {

using namespace openquant;
using namespace openquant::quantizer;

TEST_CASE("cuda::panel_view: groups that lie in a block are fitted on the way") {
  const auto view = [](index_t g) {
    return cuda::panel_view<uniform<4>>{{}, {640, g}, {}, {}, {}, {}, {}, {}, {}};
  };
  CHECK(view(128).fits_on_the_way());
  CHECK(view(128).block() == 128);
  CHECK(view(50).block() == 100);
  CHECK(!view(129).fits_on_the_way());
  CHECK(view(129).block() == 128);
  auto ordered = view(50);  // whose groups straddle blocks
  const index_t order[640] = {};
  ordered.order = {order, 1, 640};
  CHECK(!ordered.fits_on_the_way());
  CHECK(ordered.block() == 128);
}

TEST_CASE("cuda::panel_view: refuses shapes that do not fit, by name") {
  using view = cuda::panel_view<uniform<4>>;
  const view good{{},
                  {64, 32},
                  {nullptr, 10, 64},
                  {nullptr, 64, 64},
                  {nullptr, 1, 64},
                  {nullptr, 64, 32},
                  {nullptr, 64, 32},
                  {nullptr, 1, 2 * 2 * 16},
                  {nullptr, 1, 2 * 4 * 16}};
  CHECK_NOTHROW(cuda::check_shapes(good));
  const auto refused = [&](const auto& change, const char* what) {
    view bad = good;
    change(bad);
    const std::string text = std::string("cuda: panel of (10, 64) weights by uniform<4>: ") + what;
    CHECK_THROWS_WITH_AS(cuda::check_shapes(bad), text.c_str(), error);
  };
  refused([](view& v) { v.w = {nullptr, 10, 60}; }, "w is (10, 60)");
  refused([](view& v) { v.u = {nullptr, 64, 32}; }, "u is (64, 32)");
  refused([](view& v) { v.importance = {nullptr, 64, 1}; }, "importance is (64, 1)");
  refused([](view& v) { v.sum = {nullptr, 64, 10}; }, "sum is (64, 10)");
  refused([](view& v) { v.error = {}; }, "error is (0, 0)");
  refused([](view& v) { v.scales = {nullptr, 2, 64}; }, "scales is (2, 64)");
  refused([](view& v) { v.words = {nullptr, 1, 64}; }, "words is (1, 64)");
  refused([](view& v) { v.order = {nullptr, 1, 8}; }, "order is (1, 8)");
}

TEST_CASE("cuda::panel_view: refuses a trellis without its values") {
  using Q = trellis<2, 8>;
  cuda::panel_view<Q> view{{},
                           {64, 32},
                           {nullptr, 10, 64},
                           {},
                           {},
                           {},
                           {nullptr, 64, 32},
                           {nullptr, 1, 2 * 16},
                           {nullptr, 1, 4 * 16}};
  CHECK_THROWS_WITH_AS(cuda::check_shapes(view),
                       "cuda: panel of (10, 64) weights by trellis<2, 8, latin>: value is (0, 0)",
                       error);
  view.tiles.value = {nullptr, 1, 256};
  CHECK_THROWS_WITH_AS(cuda::check_shapes(view),
                       "cuda: panel of (10, 64) weights by trellis<2, 8, latin>: there is no table",
                       error);
}

}  // namespace
