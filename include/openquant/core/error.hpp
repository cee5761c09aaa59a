// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace openquant {

/// What public entry points throw: the message names what, where and the values.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Appends one part of a message: text as it is, integers in decimal, reals with six digits.
inline void append_text(std::string& message, std::string_view part) { message += part; }
template <std::floating_point Part>
void append_text(std::string& message, Part part) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", static_cast<double>(part));
  message += text;
}
template <std::integral Part>
void append_text(std::string& message, Part part) {
  using number = std::conditional_t<std::is_signed_v<Part>, long long, unsigned long long>;
  char text[32];
  std::snprintf(text, sizeof text, std::is_signed_v<Part> ? "%lld" : "%llu",
                static_cast<number>(part));
  message += text;
}

/// One part by itself.
template <class Part>
std::string to_text(const Part& part) {
  std::string text;
  append_text(text, part);
  return text;
}

/// Throws `error` with the parts written one after the other.
///
///   fail("gptq: w has ", w.cols(), " columns, h has ", h.size());
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::string message;
  (append_text(message, parts), ...);
  throw error(message);
}

}  // namespace openquant
