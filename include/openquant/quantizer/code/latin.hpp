// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <string>

#include <openquant/core/random.hpp>

namespace openquant::quantizer::code {

/// The 2^L quantiles of a normal distribution, in an order that spreads the values of the states
/// between which the search can choose. Read a state as its oldest symbol h, its newest c and the
/// L - 2 B bits m between them:
///
///   state     |   h    |         m         |   c    |
///   quantile  | c^h^r  |  h^r'  |      pi(m)       |      r, r' random symbols, functions of m
///
/// The leading symbol of the quantile is a Latin square in h and c. The 2^B successors of a state
/// (c varies) therefore have one value in each 2^B-th of the distribution, all at one offset, like
/// a scalar quantizer, and so have the 2^B states that share their successors (h varies); no two of
/// the 4^B states of one m are in the same 4^B-th. pi is a random permutation.
///
/// Error:   docs/quantizer/trellis.md; at 3 and 4 bits L = 12 does here what a random code does at
///          L = 16
/// Cost:    one normal quantile a value, so a table of 2^L values is computed once
/// Source:  this library, after Ungerboeck's rules for the labels of a trellis ("Channel coding
/// with
///          multilevel/phase signals", IEEE Trans. Inf. Theory 28(1), 1982)
struct latin {
  static std::string name() { return "latin"; }

  template <int B, int L>
  static float value(std::uint32_t state) {
    return static_cast<float>(deviation<B, L>() *
                              random::normal_quantile(probability<B, L>(state)));
  }

  /// Of the values: that of the best reproduction at B bits, sqrt(1 - 4^-B), and above it where few
  /// states are to span the distribution; within 0.3 % of the least error at L = 12 and L = 16.
  template <int B, int L>
  static double deviation() {
    static_assert(1 <= B && B <= 4 && L <= 20);
    constexpr double excess[] = {0.005, 0.04, 0.065, 0.10};
    return std::sqrt(1 - std::exp2(-2 * B)) * (1 + excess[B - 1] * (20 - L) / 8);
  }

  /// Which quantile of N(0,1) the state stands for: an odd multiple of 2^-(L+1), each taken once.
  template <int B, int L>
  static double probability(std::uint32_t state) {
    static_assert(L >= 2 * B);
    constexpr std::uint32_t symbols = std::uint32_t{1} << B,
                            middles = std::uint32_t{1} << (L - 2 * B);
    const std::uint32_t c = state % symbols, m = state / symbols % middles;
    const std::uint32_t h = state / symbols / middles;
    const auto r = static_cast<std::uint32_t>(random::bits(0, m));
    const std::uint32_t first = (c ^ h ^ r) % symbols, second = (h ^ r >> B) % symbols;
    const std::uint32_t rank = (first * symbols + second) * middles + permuted<L - 2 * B>(m);
    return (rank + 0.5) / (std::uint32_t{1} << L);
  }

 private:
  /// A permutation of the numbers of `Bits` bits: each of its steps can be undone.
  template <int Bits>
  static std::uint32_t permuted(std::uint32_t m) {
    constexpr std::uint32_t mask = (std::uint32_t{1} << Bits) - 1;
    m = (m * 0x9e3779b1u + 0x7f4a7c15u) & mask;
    m ^= m >> (Bits / 2 + 1);
    m = m * 0x85ebca6bu & mask;
    return m ^ m >> (Bits / 2 + 1);
  }
};

}  // namespace openquant::quantizer::code
