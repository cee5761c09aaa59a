// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <string>
#include <type_traits>

#include <openquant/core/config.hpp>

namespace {

using namespace openquant;

static_assert(std::is_signed_v<index_t> && sizeof(index_t) == sizeof(void*));

TEST_CASE("config: the version is the project's") {
  const std::string version = std::to_string(OPENQUANT_VERSION_MAJOR) + "." +
                              std::to_string(OPENQUANT_VERSION_MINOR) + "." +
                              std::to_string(OPENQUANT_VERSION_PATCH);
  CHECK(version == "0.1.0");
}

OPENQUANT_HD constexpr int sum_below(int n) {
  int sum = 0;
  OPENQUANT_UNROLL
  for (int i = 0; i < n; ++i) sum += i;
  return sum;
}

TEST_CASE("config: the marks vanish in host code") { CHECK(sum_below(5) == 10); }

}  // namespace
