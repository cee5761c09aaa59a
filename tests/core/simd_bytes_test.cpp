// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>

#include <openquant/core/simd_bytes.hpp>

#include "core/lane_cases.hpp"

/// Every sum, lane by lane against the same sum of one lane, which is checked by hand.
namespace openquant {
namespace {

TEST_CASE_TEMPLATE("simd_bytes: sums and products", Arch, baseline_arch, test::middle_arch,
                   default_arch) {
  SAME_INTEGERS(add_bytes(x, y));
  SAME_INTEGERS(dot_bytes<8>(x, y, z));
  SAME_INTEGERS(dot_bytes<7>(x, y & decltype(y)(0x7f7f7f7f), z));
  CHECK(add_bytes(7, static_cast<std::int32_t>(0xff030201u)) == 7 + 255 + 3 + 2 + 1);
  CHECK(dot_bytes<8>(7, static_cast<std::int32_t>(0xff030201u),
                     static_cast<std::int32_t>(0x80ff7f02u)) == 7 - 255 * 128 - 3 + 2 * 127 + 2);
}

}  // namespace
}  // namespace openquant
