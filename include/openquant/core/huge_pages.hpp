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
  const auto address = reinterpret_cast<std::uintptr_t>(p);
  const std::uintptr_t first = (address + huge_page - 1) / huge_page * huge_page;
  const std::uintptr_t last = (address + bytes) / huge_page * huge_page;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  static_cast<void>(p), static_cast<void>(bytes);
#endif
}

}  // namespace openquant
