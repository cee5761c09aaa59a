// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>
#include <openquant/quantizer/e8p_search.hpp>

namespace openquant::quantizer {

/// 2^16 points of E8 + 1/4, unscaled: v + 1/4 or v - 1/4 in every coordinate, where v in D_8 + 1/2
/// has one of 256 patterns of magnitudes a in {1/2, 3/2, 5/2}^8 and any signs that make the sum of
/// v even.
///
/// Patterns: the 227 with |a|^2 <= 10, and 29 of the 224 with |a|^2 = 12, no two of them at
/// squared distance 2:
///
///   five 3/2, three 1/2 at  i, i + 2, i + 3 mod 7, the lines of the Fano plane
///   5/2 at i, two 3/2 at    i + 1, i + 6 or i + 2, i + 3 or i + 4, i + 5 mod 7
///   5/2 at 7, two 3/2 at    0, 1
///
/// Code, 16 bits:  pattern 8 | shift 1 | sign 7 (bit i: coordinate i is negative; i = 0, ..., 6).
/// The last sign follows from the parity. A pattern without 5/2 is the mask of its 3/2. The 86
/// masks that this leaves free, ascending, are first the 64 patterns with 5/2 at i and at most one
/// 3/2, at j, in order of 8 i + j, where j = i says that there is none; then the 22 with 5/2 and
/// two 3/2 in the order above.
///
/// Source:  Tseng et al., "QuIP#", arXiv 2402.04396, Sec. 4.2 (E8P); search by sorted pairing as in
///          Adoul & Barth, "Nearest neighbor algorithm for spherical codes from the Leech lattice",
///          IEEE Trans. Inf. Theory 34(5), 1988
struct e8p_codebook {
  static constexpr index_t dim = 8;
  static constexpr const e8p_patterns& table = e8p_table;

  /// Code of the point nearest to u, but for 2^-20 of the |u_i - shift|, which are at most 1e36
  /// each.
  template <class T>
  OPENQUANT_HD static lane_int_t<T> nearest(const vec<T, 8>& u) {
    return find(u).code();
  }
  /// The same before its code, point or loss is computed.
  template <class T>
  OPENQUANT_INLINE OPENQUANT_HD static e8p_choice<T> find(const vec<T, 8>& u) {
    return e8p_search<T>(u).nearest();
  }

  template <class T, class Code>
  OPENQUANT_HD static vec<T, 8> point(const Code& c) {
    return point_of<T>(c, lookup(e8p_tables().magnitude, c >> 8));
  }
  /// The same, `magnitude` a copy of the table of that name.
  template <class T>
  OPENQUANT_HD static vec<T, 8> point(std::int32_t c, const std::uint16_t* magnitude) {
    return point_of<T>(c, std::int32_t{magnitude[(c >> 8) & 255]});
  }

 private:
  /// The point of code c, whose pattern has the magnitudes `word`.
  template <class T, class Code>
  OPENQUANT_HD static vec<T, 8> point_of(const Code& c, const Code& word) {
    const Code odd_ones = word & Code(0x5555);
    Code sign = c & Code(127);
    Code parity = sign ^ odd_ones ^ (odd_ones >> 8);
    parity = parity ^ (parity >> 4);
    parity = parity ^ (parity >> 2);
    parity = parity ^ (parity >> 1);
    sign = sign | (parity << 7);
    const T shift = change_sign(T(0.25f), c << 24);
    vec<T, 8> p;
    OPENQUANT_UNROLL
    for (int i = 0; i < 8; ++i) {
      p[i] = change_sign(e8p_choice<T>::magnitude(word >> (2 * i)), sign << (31 - i)) + shift;
    }
    return p;
  }
};

}  // namespace openquant::quantizer
