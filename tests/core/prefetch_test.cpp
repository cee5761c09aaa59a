// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/prefetch.hpp>

namespace {

using namespace openquant;

TEST_CASE("prefetch: a hint at any address, which changes nothing") {
  const std::vector<float> x(100, 3.0f);
  prefetch(nullptr);
  prefetch(x.data() + 1);
  prefetch(x.data(), 100);
  prefetch_near(nullptr);
  prefetch_near(x.data() + 99);
  CHECK(x == std::vector<float>(100, 3.0f));
}

}  // namespace
