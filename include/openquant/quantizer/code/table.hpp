// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include <openquant/core/float16.hpp>

namespace openquant::quantizer::code {

/// Any table of 2^L values, in fp16: Entries::name(), and Entries::fp16<B, L>(), where it lies. The
/// values stand for weights of N(0,1), so their deviation is near sqrt(1 - 4^-B).
///
/// Memory:  2^(L+1) bytes
/// Source:  Tseng et al., "QTIP", arXiv 2406.11235, Sec. 3.2 (pure look-up)
template <class Entries>
struct table {
  static std::string name() { return Entries::name(); }

  template <int B, int L>
  static float value(std::uint32_t state) {
    return to_float(float16{Entries::template fp16<B, L>()[state]});
  }
};

}  // namespace openquant::quantizer::code
