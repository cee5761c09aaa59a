// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sstream>

#include <openquant/layer/report.hpp>

namespace {

using openquant::report;

std::string text(const report& r) {
  std::ostringstream out;
  out << r;
  return out.str();
}

TEST_CASE("report: one line that hides nothing") {
  report r{.tokens = 4096,
           .dead_channels = 0,
           .factorizations = 1,
           .damping = 0.01,
           .relative_error = 0.0067,
           .round_to_nearest_error = 0.0137};
  CHECK(text(r) ==
        "4096 tokens, 0 dead channels, damping 0.01, error 0.0067 (round-to-nearest 0.0137)");
  r.factorizations = 3;
  r.dead_channels = 2;
  CHECK(text(r) ==
        "4096 tokens, 2 dead channels, damping 0.01 (raised, attempt 3), error 0.0067 "
        "(round-to-nearest 0.0137)");
}

TEST_CASE("report: feedback that did harm is said") {
  CHECK(report{.relative_error = 1, .round_to_nearest_error = 2}.beats_round_to_nearest());
  CHECK(report{.relative_error = 2, .round_to_nearest_error = 2}.beats_round_to_nearest());
  CHECK(!report{.relative_error = 3, .round_to_nearest_error = 2}.beats_round_to_nearest());
}

TEST_CASE("report: what is saved is every member") {
  report a{1, 2, 3, 4, 5, 6}, b;
  CHECK(a != b);
  report::members(b) = report::members(a);
  CHECK(a == b);
}

}  // namespace
