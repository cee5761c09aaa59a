// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

namespace openquant {

/// What public entry points throw: the message names what, where and the values.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Text of one part of a message: text as it is, integers in decimal, reals with six digits.
template <class Part>
std::string to_text(const Part& part) {
  if constexpr (std::convertible_to<Part, std::string_view>) {
    return std::string(std::string_view(part));
  } else if constexpr (std::floating_point<Part>) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", static_cast<double>(part));
    return text;
  } else {
    return std::to_string(part);
  }
}

/// Throws `error` with the parts written one after the other.
///
///   fail("gptq: w has ", w.cols(), " columns, h has ", h.size());
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw error((std::string{} + ... + to_text(parts)));
}

}  // namespace openquant
