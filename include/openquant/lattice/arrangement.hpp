// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <type_traits>

#include <openquant/core/config.hpp>

namespace openquant::lattice {

/// n choose k for n, k up to 24; 0 for k > n.
struct binomials {
  std::uint32_t of[25][25]{};

  constexpr binomials() {
    for (int n = 0; n < 25; ++n) {
      of[n][0] = 1;
      for (int k = 1; k <= n; ++k) of[n][k] = of[n - 1][k - 1] + (k < n ? of[n - 1][k] : 0);
    }
  }
};
/// A table of them, on the device as well, which cannot read one of namespace scope.
OPENQUANT_HD inline const binomials& binomial_table() {
  static constexpr binomials here;
  return here;
}

OPENQUANT_HD constexpr std::uint64_t binomial(int n, int k) {
  if (std::is_constant_evaluated()) {  // which may not call the function above
    constexpr binomials here;
    return here.of[n][k];
  }
  return binomial_table().of[n][k];
}

/// How many of a row of up to 24 symbols are 0, ..., 7.
using multiplicities = std::array<std::uint8_t, 8>;

/// Orders of n symbols, m[j] of each j = first, first + step, ... below 8; the m[j] add up to n.
OPENQUANT_HD constexpr std::uint64_t arrangements(const multiplicities& m, std::size_t first,
                                                  std::size_t step, int n) {
  std::uint64_t ways = 1;
  for (std::size_t j = first; j < 8; j += step) {
    ways *= binomial(n, m[j]);
    n -= m[j];
  }
  return ways;
}

/// Number of an order, below `arrangements`. The positions of one symbol after the other are a
/// subset of those left over, numbered by the combinatorial number system; the first is the lowest
/// digit. Overwrites `symbols`.
/// Source: Knuth, "The Art of Computer Programming" 4A, Sec. 7.2.1.3, Theorem L
OPENQUANT_HD constexpr std::uint64_t rank_arrangement(std::uint8_t* symbols, int n,
                                                      const multiplicities& m, std::size_t first,
                                                      std::size_t step) {
  std::uint64_t number = 0, unit = 1;
  for (std::size_t j = first; j < 8 && n > 0; j += step) {
    if (m[j] == 0) continue;
    std::uint64_t subset = 0;
    int left = 0, chosen = 0;
    for (int i = 0; i < n; ++i) {
      if (symbols[i] == j) {
        subset += binomial(i, ++chosen);
      } else {
        symbols[left++] = symbols[i];
      }
    }
    number += unit * subset;
    unit *= binomial(n, m[j]);
    n = left;
  }
  return number;
}

/// The inverse: the order of that number, its k-th symbol at symbols[at[k]]. Overwrites `at`.
OPENQUANT_HD constexpr void place_arrangement(std::uint64_t number, std::uint8_t* at, int n,
                                              const multiplicities& m, std::size_t first,
                                              std::size_t step, std::uint8_t* symbols) {
  for (std::size_t j = first; j < 8 && n > 0; j += step) {
    int chosen = m[j];
    if (chosen == 0) continue;
    const std::uint64_t subsets = binomial(n, chosen);
    std::uint64_t subset = number % subsets;
    number /= subsets;
    bool taken[24] = {};
    for (int i = n - 1; chosen > 0; --i) {
      const std::uint64_t below = binomial(i, chosen);
      if (subset < below) continue;
      subset -= below;
      taken[i] = true;
      --chosen;
    }
    int left = 0;
    for (int i = 0; i < n; ++i) {
      if (taken[i]) {
        symbols[at[i]] = static_cast<std::uint8_t>(j);
      } else {
        at[left++] = at[i];
      }
    }
    n = left;
  }
}

}  // namespace openquant::lattice
