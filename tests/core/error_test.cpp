// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <string_view>

#include <openquant/core/config.hpp>
#include <openquant/core/error.hpp>

namespace {

using namespace openquant;

TEST_CASE("error: parts are written one after the other") {
  const std::string name = "w";
  CHECK_THROWS_WITH_AS(fail("gptq: ", name, " is (", index_t{3}, ", ", 4, "), ",
                            std::string_view("damping "), 0.01f, ' ' == 32 ? "" : "?"),
                       "gptq: w is (3, 4), damping 0.01", error);
  CHECK_THROWS_WITH_AS(fail(), "", error);
}

TEST_CASE("error: text of numbers") {
  CHECK(to_text(-7) == "-7");
  CHECK(to_text(std::uint64_t{18446744073709551615u}) == "18446744073709551615");
  CHECK(to_text(0.5) == "0.5");
  CHECK(to_text(1e-30f) == "1e-30");
  CHECK(to_text(-std::numeric_limits<float>::infinity()) == "-inf");
  CHECK(to_text(std::numeric_limits<double>::quiet_NaN()) == "nan");
}

TEST_CASE("error: is a runtime_error") { CHECK_THROWS_AS(fail("x"), std::runtime_error); }

}  // namespace
