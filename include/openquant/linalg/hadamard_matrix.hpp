// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>

/// Hadamard matrices: entries +1 and -1, H H^T = m I. None is typed in: each order has a
/// construction.
namespace openquant::linalg {

/// How an order is constructed.
enum class hadamard_construction { none, trivial, paley_1, paley_2, williamson };

namespace hadamard_orders {

constexpr bool is_prime(index_t q) {
  if (q < 2) return false;
  for (index_t d = 2; d * d <= q; ++d) {
    if (q % d == 0) return false;
  }
  return true;
}

/// chi(a) for a = 0, ..., q - 1: 0 for 0, 1 for squares modulo the prime q, -1 for the others.
constexpr void quadratic_character(std::span<float> chi) {
  for (float& value : chi) value = -1;
  chi[0] = 0;
  for (std::size_t a = 1; a < chi.size(); ++a) chi[a * a % chi.size()] = 1;
}

/// The four first rows of Williamson's matrices of order 43. Each is constant on the classes
/// {+-1, +-6, +-36} a of Z_43 (6 has order 3), so seven signs determine it; the four masks are the
/// first solution of A^2 + B^2 + C^2 + D^2 = 172 I in a search over all 128^4 of them.
constexpr std::array<std::array<float, 43>, 4> williamson_43() {
  std::array<std::array<float, 43>, 4> rows{};
  constexpr std::array<unsigned, 4> masks{14, 67, 88, 106};
  for (std::size_t k = 0; k < 4; ++k) {
    std::array<float, 43>& row = rows[k];
    row.fill(1.0f);
    std::array<bool, 43> seen{};
    unsigned bit = 0;
    for (std::size_t a = 1; a < 43; ++a) {
      if (seen[a]) continue;
      for (std::size_t member : {a, a * 6 % 43, a * 36 % 43}) {
        for (std::size_t x : {member, 43 - member}) {
          seen[x] = true;
          if (masks[k] >> bit & 1u) row[x] = -1;
        }
      }
      ++bit;
    }
  }
  return rows;
}

}  // namespace hadamard_orders

/// Which construction gives order m: 1 and 2, Paley's first (m = q + 1, q = 3 mod 4 prime), Paley's
/// second (m = 2 (q + 1), q = 1 mod 4 prime), Williamson's for 172; otherwise none.
/// Source:  Paley, J. Math. Phys. 12, 1933; Williamson, Duke Math. J. 11, 1944
constexpr hadamard_construction hadamard_kind(index_t m) {
  using enum hadamard_construction;
  using hadamard_orders::is_prime;
  if (m == 1 || m == 2) return trivial;
  if (m < 4 || m % 4 != 0) return none;
  if (is_prime(m - 1)) return paley_1;
  if (m % 8 == 4 && is_prime(m / 2 - 1) && (m / 2 - 1) % 4 == 1) return paley_2;
  if (m == 172) return williamson;
  return none;
}

/// q for the orders q + 1 and 2 (q + 1) of Paley's constructions.
constexpr index_t paley_prime(index_t m) {
  return hadamard_kind(m) == hadamard_construction::paley_1 ? m - 1 : m / 2 - 1;
}

/// Entry (i, j) of Paley's matrix of order m, chi the quadratic character modulo its prime: of I +
/// S with the skew S = [0 1; -1 chi(i - j)], or of C x K + I x J with the symmetric C = [0 1; 1
/// chi(i - j)].
constexpr float paley_entry(index_t m, index_t i, index_t j, std::span<const float> chi) {
  const auto q = static_cast<index_t>(chi.size());
  const auto character = [&](index_t a) { return chi[static_cast<std::size_t>((a + q) % q)]; };
  if (q == m - 1) {
    if (i == j || i == 0) return 1;
    return j == 0 ? -1.0f : character(i - j);
  }
  constexpr float k[2][2] = {{1, 1}, {1, -1}}, diagonal[2][2] = {{1, -1}, {-1, -1}};
  const index_t a = i / 2, b = j / 2;
  if (a == b) return diagonal[i % 2][j % 2];
  return (a == 0 || b == 0 ? 1.0f : character(a - b)) * k[i % 2][j % 2];
}

/// Entry (43 a + i, 43 b + i + d mod 43) of Williamson's matrix of order 172, the array of
/// quaternion units with circulant blocks.
constexpr float williamson_entry(std::size_t a, std::size_t b, std::size_t d,
                                 const std::array<std::array<float, 43>, 4>& rows) {
  constexpr float sign[4][4] = {{1, 1, 1, 1}, {-1, 1, -1, 1}, {-1, 1, 1, -1}, {-1, -1, 1, 1}};
  return sign[a][b] * rows[a ^ b][d];
}

/// The Hadamard matrix of order m, entries +1 and -1, (m, m).
/// Throws openquant::error where `hadamard_kind(m)` is none.
inline matrix<float> hadamard_matrix(index_t m) {
  matrix<float> h(m, m);
  switch (hadamard_kind(m)) {
    case hadamard_construction::none:
      fail("hadamard_matrix: no construction known here for order ", m);
    case hadamard_construction::trivial:
      for (index_t i = 0; i < m; ++i) {
        for (index_t j = 0; j < m; ++j) h(i, j) = (i & j) ? -1.0f : 1.0f;
      }
      break;
    case hadamard_construction::paley_1:
    case hadamard_construction::paley_2: {
      std::vector<float> chi(static_cast<std::size_t>(paley_prime(m)));
      hadamard_orders::quadratic_character(chi);
      for (index_t i = 0; i < m; ++i) {
        for (index_t j = 0; j < m; ++j) h(i, j) = paley_entry(m, i, j, chi);
      }
      break;
    }
    case hadamard_construction::williamson: {
      const auto rows = hadamard_orders::williamson_43();
      for (index_t i = 0; i < m; ++i) {
        for (index_t j = 0; j < m; ++j) {
          h(i, j) =
              williamson_entry(static_cast<std::size_t>(i / 43), static_cast<std::size_t>(j / 43),
                               static_cast<std::size_t>((j % 43 - i % 43 + 43) % 43), rows);
        }
      }
      break;
    }
  }
  return h;
}

}  // namespace openquant::linalg
