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
}

TEST_CASE("cuda::panel_view: refuses shapes that do not fit") {
  const cuda::panel_view<uniform<4>> none{{}, {64, 32}, {nullptr, 10, 60}, {}, {}, {}, {}, {}, {}};
  CHECK_THROWS_WITH_AS(cuda::check_shapes(none),
                       "cuda: panel of (10, 64) weights by uniform<4>: w is (10, 60)", error);
  cuda::panel_view<uniform<4>> other = none;
  other.w = {nullptr, 10, 64};
  CHECK_THROWS_WITH_AS(cuda::check_shapes(other),
                       "cuda: panel of (10, 64) weights by uniform<4>: error is (0, 0)", error);
}

}  // namespace
