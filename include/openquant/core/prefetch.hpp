// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/config.hpp>

namespace openquant {

/// Asks for the cache line at p, which may lie anywhere, into the second-level cache: a hint, never
/// an access. The nearest cache is left to what is worked on.
OPENQUANT_INLINE void prefetch([[maybe_unused]] const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, 2);
#endif
}

/// The same into the nearest cache, for what is read within some thousand cycles.
OPENQUANT_INLINE void prefetch_near([[maybe_unused]] const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, 3);
#endif
}

/// n floats from p on, into the second-level cache.
OPENQUANT_INLINE void prefetch(const float* p, index_t n) {
  constexpr index_t line = 16;  // floats
  for (index_t i = 0; i < n; i += line) prefetch(p + i);
}

}  // namespace openquant
