// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace openquant {

/// From this size on memory is worth pages of 2 MiB, and is aligned to them.
inline constexpr std::size_t huge_page = std::size_t{2} << 20, worth_huge_pages = 2 * huge_page;

/// Asks the system to back what lies in [p, p + bytes) in whole pages of 2 MiB by such pages,
/// before it is first written: 512 times fewer faults, and fewer misses of address translation
/// where rows of a matrix are far apart. A hint: elsewhere than on Linux, or where the system knows
/// no such pages, nothing happens.
inline void advise_huge_pages(void* p, std::size_t bytes) {
#if defined(__linux__)
  const std::size_t past = reinterpret_cast<std::uintptr_t>(p) % huge_page;
  const std::size_t skipped = past == 0 ? 0 : huge_page - past;
  if (bytes < skipped + huge_page) return;
  const std::size_t whole = (bytes - skipped) / huge_page * huge_page;
  madvise(static_cast<char*>(p) + skipped, whole, MADV_HUGEPAGE);
#else
  static_cast<void>(p), static_cast<void>(bytes);
#endif
}

}  // namespace openquant
