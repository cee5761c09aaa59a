// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/core/contract.hpp>

namespace {

constexpr int half(int even) {
  OPENQUANT_EXPECTS(even % 2 == 0);
  return even / 2;
}
static_assert(half(6) == 3);  // usable in constant expressions

TEST_CASE("contract: conditions are evaluated in debug builds alone") {
  [[maybe_unused]] int evaluated = 0;
  OPENQUANT_EXPECTS(++evaluated > 0);
#if defined(NDEBUG)
  CHECK(evaluated == 0);
#else
  CHECK(evaluated == 1);
#endif
}

}  // namespace
