// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <openquant/concepts/lattice.hpp>
#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/lane_bits.hpp>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/quantizer/gaussian_codebook.hpp>
#include <openquant/quantizer/gaussian_scale.hpp>

namespace openquant::quantizer {

/// Where the levels of the half-integer coset lie: between those of the integer coset, all of them
/// the 2^(B+1) levels of least error for N(0,1); or half way between neighbours of the 2^B levels
/// of least error, which are the integer coset's, and one beyond the largest of them, by half the
/// median distance of neighbours or by half the last distance.
enum class half_coset : std::uint8_t { interleaved, median, linear };

/// D_n+ (E8 for n = 8) bent to N(0,1): a lattice of level indices. Of 2^(B+1) ascending levels,
/// drawn together by one factor, those of even index belong to the integer coset of D_n+ and those
/// of odd index to the half-integer one; `Half` says how they lie. A point is n levels of one
/// coset; index 2 k_i + c is coded as k_i alone, for the parity of the sum of all k_i is the coset
/// c. So every vector of n integers below 2^B is a code: n B bits, and no two codes mean the same.
///
/// Shapes:  e8 or d_plus<n>; n weights, n fields of B bits
/// Error:   .0981, .0268, .00709 sigma^2 at B = 2, 3, 4 for E8 on N(0, sigma^2), which is 16, 22
///          and 25 % below Lloyd-Max at the same bits; D_12+ has .1002, .0273, .00721.
///          E8 with median .1054, .0291, .00767, with linear .1054, .0288, .00755
/// Bits:    B a weight, 16 a group (0 unscaled)
/// Cost:    2^(B+1) comparisons a weight to encode, one look-up among at most 64 levels to decode
/// Source:  Conway & Sloane, "Fast quantizing and decoding algorithms for lattice quantizers and
///          codes", IEEE Trans. Inf. Theory 28(2), 1982, Secs. IV and V, with squared errors
///          between levels in place of rounding errors. median and linear are the levels that
///          turbo_e8 was published with
template <class Lattice, int B, half_coset Half = half_coset::interleaved>
struct companded {
  static_assert(std::is_base_of_v<lattice::d_plus<Lattice::dim>, Lattice>,
                "companded<Lattice, B>: the lattice is e8 or d_plus<n>; D_n alone would leave the "
                "bit of the parity unused");
  static_assert(1 <= B && B <= 5, "companded<Lattice, B>: B is 1 to 5 bits");
  static constexpr index_t dim = Lattice::dim;
  static constexpr index_t code_fields = dim;
  static constexpr int code_bits = B * static_cast<int>(dim);
  static constexpr index_t scale_fields = 1;  // sigma
  static constexpr bool nearest = true, linear = true, ignores_high_bits = true;

  /// Best within 1/50 at 2 to 4 bits (with midpoints and n = 4 within 1/25). Lloyd's iteration on
  /// the union itself, all levels free, gains 0.3 % at 2 bits and 0.8 % at 4 over this one factor.
  static constexpr double contraction = Half != half_coset::interleaved ? 1.0
                                        : dim <= 4                      ? 0.84
                                        : dim <= 8                      ? 0.88
                                                                        : 0.90;
  static constexpr index_t count = index_t{1} << B;  // levels of one coset, half of all
  /// Level j of 2 count, ascending.
  static constexpr float level(index_t j) { return levels.x[j]; }

  static constexpr vec<float, 2 * count> levels = [] {
    constexpr index_t half = Half == half_coset::interleaved ? count : count / 2;
    constexpr half_codebook<half> codebook = gaussian_codebook<half>();
    const auto best = [&](index_t k) {  // of 2 half levels
      return k < half ? -codebook.level[half - 1 - k] : codebook.level[k - half];
    };
    vec<float, 2 * count> all{};
    if (Half == half_coset::interleaved) {
      for (index_t j = 0; j < 2 * count; ++j) all[j] = static_cast<float>(contraction * best(j));
      return all;
    }
    double distance[count]{};
    for (index_t k = 0; k + 1 < count; ++k) distance[k] = best(k + 1) - best(k);
    const double last = distance[count - 2];
    std::sort(distance, distance + count - 1);
    const double beyond = Half == half_coset::median ? distance[count / 2 - 1] : last;
    for (index_t k = 0; k < count; ++k) {
      const double next = k + 1 < count ? best(k + 1) : best(k) + beyond;
      all[2 * k] = static_cast<float>(contraction * best(k));
      all[2 * k + 1] = static_cast<float>(contraction * (best(k) + next) / 2);
    }
    return all;
  }();

  /// The levels of the integer coset, then those of the other; fewer than 16 are repeated.
  static constexpr auto levels_by_coset = [] {
    constexpr index_t size = 2 * count < 16 ? 16 : 2 * count;
    vec<float, size> all{};
    for (index_t i = 0; i < size; ++i) all[i] = levels.x[2 * (i % count) + i / count % 2];
    return all;
  }();

  gaussian_fit fit_by = gaussian_fit::weighted;

  static std::string name() {
    const std::string half = Half == half_coset::median   ? ",median"
                             : Half == half_coset::linear ? ",linear"
                                                          : "";
    return "companded<" + Lattice::name() + "," + std::to_string(B) + half + ">";
  }
  int scale_bits() const { return gaussian_scale_bits(fit_by); }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.fit_by);
  }

  template <class T>
  OPENQUANT_HD vec<lane_int_t<T>, dim> encode(const vec<T, dim>& x, const vec<T, 1>& s) const {
    const T inverse = select(s[0] > T(0.0f), T(1.0f) / s[0], T(0.0f));
    vec<T, dim> u;
    for (index_t i = 0; i < dim; ++i) u[i] = min(max(x[i] * inverse, T(-1e36f)), T(1e36f));
    const choice<T> integer = nearest_in_coset<0>(u), half = nearest_in_coset<1>(u);
    const auto nearer = half.distance < integer.distance;
    vec<lane_int_t<T>, dim> c;
    for (index_t i = 0; i < dim; ++i) c[i] = to_int(select(nearer, half.k[i], integer.k[i]));
    return c;
  }

  template <class T, class Int>
  OPENQUANT_HD vec<T, dim> decode(const vec<Int, dim>& c, const vec<T, 1>& s) const {
    Int parity = c[0];
    for (index_t i = 1; i < dim; ++i) parity = parity ^ c[i];
    parity = (parity & Int(1)) << B;
    constexpr auto table = levels_by_coset;  // a copy, which device code can index
    vec<T, dim> x;
    for (index_t i = 0; i < dim; ++i) {
      x[i] = lookup(table.x, (c[i] & Int(static_cast<std::int32_t>(count) - 1)) | parity) * s[0];
    }
    return x;
  }

  static constexpr index_t table_size = levels_by_coset.size();
  static std::span<const float, table_size> table() { return levels_by_coset.x; }
  template <class T, class Int>
  OPENQUANT_HD vec<T, dim> decode(const vec<Int, dim>& c, const vec<T, 1>& s,
                                  const float* level) const {
    Int parity = c[0];
    OPENQUANT_UNROLL
    for (index_t i = 1; i < dim; ++i) parity = parity ^ c[i];
    const Int coset = (parity & Int(1)) << B;
    constexpr Int mask = static_cast<std::int32_t>(count) - 1;
    vec<T, dim> x;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < dim; ++i) x[i] = gather(level, (c[i] & mask) | coset) * s[0];
    return x;
  }

  /// A word of a row at a time, where it is filled by whole codes: the cosets of all of them are
  /// the parities of its parts.
  static constexpr index_t lane_blocks = std::max(32 / code_bits, 1);
  template <class T>
  struct word_of_codes {
    lane_int_t<T> fields, cosets;
  };
  template <class T>
  requires(code_bits == 8 || code_bits == 16 || code_bits == 32) OPENQUANT_INLINE
      static word_of_codes<T> read_lanes(const std::int32_t* words, index_t) {
    constexpr std::uint32_t lowest = (0xffffffffu / ((1u << B) - 1));  // of every field
    const lane_int_t<T> word = load_int<T>(words);
    return {word, parities<code_bits>(word & lane_int_t<T>(static_cast<std::int32_t>(lowest)))};
  }
  template <class T, index_t k>
  OPENQUANT_INLINE T lane_column(const word_of_codes<T>& word, const vec<T, 1>& s) const {
    constexpr int bit = static_cast<int>(k) * B, coset_bit = bit / code_bits * code_bits;
    lane_int_t<T> coset = word.cosets, field = word.fields;
    if constexpr (coset_bit < B) coset = coset << (B - coset_bit);
    if constexpr (coset_bit > B) coset = coset >> (coset_bit - B);
    if constexpr (bit > 0) field = field >> bit;
    const lane_int_t<T> own(static_cast<std::int32_t>(count) - 1);
    constexpr auto table = levels_by_coset;
    return lookup(table.x, (field & own) | (coset & (own ^ lane_int_t<T>(-1)))) * s[0];
  }
  /// A code of the half-integer coset is minus that of the other coset with all bits turned, where
  /// the levels are symmetric: the word with those turned, in which a field means 2 k of `level`,
  /// and signs for its codes.
  static constexpr bool mirrors = Half == half_coset::interleaved && B <= 2 && 32 % code_bits == 0;
  template <class T>
  struct mirrored_word {
    lane_int_t<T> fields, turned;
  };
  template <class T>
  requires mirrors OPENQUANT_INLINE static mirrored_word<T> read_mirrored(
      const std::int32_t* words) {
    const word_of_codes<T> read = read_lanes<T>(words, 0);
    constexpr std::uint32_t lowest =
        code_bits == 32 ? 1 : 0xffffffffu / ((1u << code_bits % 32) - 1);
    const lane_int_t<T> half = read.cosets & lane_int_t<T>(static_cast<std::int32_t>(lowest));
    lane_int_t<T> next(0);
    if constexpr (code_bits < 32) next = half << code_bits;
    const lane_int_t<T> turned = next - half;  // ones in all bits of those codes
    return {read.fields ^ turned, turned};
  }
  /// Its sign bit says that the code that bit `bit` of the word belongs to is turned.
  template <class T, int bit>
  OPENQUANT_INLINE static lane_int_t<T> mirror_sign(const lane_int_t<T>& turned) {
    constexpr int above = 32 - (bit / code_bits + 1) * code_bits;
    return above == 0 ? turned : turned << above;
  }

  template <class T>
  OPENQUANT_HD vec<T, 1> fit(const group_view<T>& group) const {
    return fit_gaussian_scale(*this, group, fit_by);
  }
  OPENQUANT_HD std::uint64_t pack(const vec<float, 1>& s) const {
    return pack_gaussian_scale(s, fit_by);
  }
  OPENQUANT_HD vec<float, 1> unpack(std::uint64_t bits) const {
    return unpack_gaussian_scale(bits, fit_by);
  }

 private:
  template <class T>
  struct choice {
    vec<T, dim> k;
    T distance;
  };
  template <class T>
  struct step {
    T k, cost;
  };

  /// f(integral_constant k) for k = 0, ..., m - 1, written out: no table is read at run time.
  template <index_t m, class F>
  OPENQUANT_HD static void for_each(const F& f) {
    [&]<index_t... I>(std::integer_sequence<index_t, I...>) {
      (f(std::integral_constant<index_t, I>{}), ...);
    }
    (std::make_integer_sequence<index_t, m>{});
  }

  /// The nearest of the levels 2 k + coset with k = parity mod 2, and its squared error less u^2,
  /// which far out would drown the differences.
  template <index_t coset, index_t parity, class T>
  OPENQUANT_HD static step<T> nearest_level(T u) {
    T k = T(static_cast<float>(parity)), value = T(level(2 * parity + coset));
    for_each<count / 2 - 1>([&](auto constant) {
      constexpr index_t next = 2 * (decltype(constant)::value + 1) + parity;
      constexpr float above = level(2 * next + coset), below = level(2 * next - 4 + coset);
      const auto beyond = u > T((above + below) / 2);
      k = select(beyond, T(static_cast<float>(next)), k);
      value = select(beyond, T(above), value);
    });
    return {k, value * (value - T(2.0f) * u)};
  }

  /// The decoder of D_n with errors between levels: the best level in each coordinate and, where
  /// the parity of sum k is not the coset's, the cheapest change to a level of other parity.
  template <index_t coset, class T>
  OPENQUANT_HD static choice<T> nearest_in_coset(const vec<T, dim>& u) {
    choice<T> best;
    vec<T, dim> other;
    T sum = T(static_cast<float>(coset)), least = T(0.0f), at = T(0.0f);
    best.distance = T(0.0f);
    for (index_t i = 0; i < dim; ++i) {
      const step<T> even = nearest_level<coset, 0>(u[i]), odd = nearest_level<coset, 1>(u[i]);
      const auto is_odd = odd.cost < even.cost;
      best.k[i] = select(is_odd, odd.k, even.k);
      other[i] = select(is_odd, even.k, odd.k);
      sum = sum + select(is_odd, T(1.0f), T(0.0f));
      best.distance = best.distance + min(even.cost, odd.cost);
      const T extra = abs(odd.cost - even.cost);
      const auto cheaper = i == 0 ? extra >= T(0.0f) : extra < least;
      least = select(cheaper, extra, least);
      at = select(cheaper, T(static_cast<float>(i)), at);
    }
    const T pairs = sum * T(0.5f);
    const auto fits = round_even(pairs) == pairs;
    at = select(fits, T(-1.0f), at);
    best.distance = best.distance + select(fits, T(0.0f), least);
    for (index_t i = 0; i < dim; ++i) {
      best.k[i] = select(at == T(static_cast<float>(i)), other[i], best.k[i]);
    }
    return best;
  }
};

static_assert(Quantizer<companded<lattice::d_plus<8>, 2>>);

}  // namespace openquant::quantizer
