// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <concepts>
#include <span>
#include <string>
#include <tuple>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/float16.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/quantizer/code/latin.hpp>
#include <openquant/quantizer/viterbi.hpp>

namespace openquant::quantizer {

/// What each of the 2^L states stands for in a trellis of B bits a weight: the reproduction of a
/// weight of N(0,1), so of deviation near sqrt(1 - 4^-B). Models stand in quantizer/code/.
template <class C, int B, int L>
concept TrellisCode = requires(std::uint32_t state) {
  { C::template value<B, L>(state) } -> std::same_as<float>;
  { C::name() } -> std::convertible_to<std::string>;
};

/// Trellis-coded quantization of tiles of 16 rows by 16 weights, exactly B bits a weight.
///
/// The 256 weights of a tile, rows fastest, are one sequence x_t, t = 16 k + r. Symbol c_t has B
/// bits, and the bits of all symbols stand in a circle. The state s_t is a window of L bits on it,
/// which ends with c_t and starts before c_0 where it must:
///
///   circle     | c_(t-3) | c_(t-2) | c_(t-1) |  c_t  | c_(t+1) |
///   s_t              |<----------- L bits ---------->|              (here L = 3 B + B / 2)
///   s_t = c_t + 2^B c_(t-1) + 4^B c_(t-2) + ...  mod 2^L,  indices mod 256
///
/// and x_t is decoded as sigma_r Code::value(s_t), sigma_r the scale of its row. Symbols are chosen
/// by a Viterbi search, `viterbi.hpp`.
///
/// Error:   0.2695, 0.0695, 0.0177, 0.0046 sigma^2 at B = 1, 2, 3, 4 on N(0, sigma^2), with L = 12
///          and the code latin; 0.0669 at B = 2 with L = 16. Others: docs/quantizer/trellis.md
/// Bits:    B a weight; 16 a group, or none if not `scaled`
/// Cost:    to encode, two passes of 2^L differences, squares and sums a weight; to decode, one
///          value of the code a weight
/// Source:  Tseng et al., "QTIP", arXiv 2406.11235, Sec. 3
template <int B, int L = 12, class Code = code::latin>
requires TrellisCode<Code, B, L>
struct trellis {
  static_assert(1 <= B && B <= 4, "trellis<B, L, Code>: B is 1 to 4 bits");
  static_assert(8 <= L && L <= 20, "trellis<B, L, Code>: L is 8 to 20 bits");
  static constexpr index_t dim = 16, tile_rows = 16, steps = dim * tile_rows;
  static constexpr index_t code_fields = steps;
  static constexpr int code_bits = static_cast<int>(steps) * B;
  static constexpr index_t scale_fields = 1;  // sigma
  static constexpr bool linear = true;

  /// The code computes values faster than they are looked up.
  template <class T>
  static constexpr bool is_computed = requires(lane_int_t<T> state) {
    Code::template lanes<B, L, T>(state);
  };

  using search = viterbi<B, L, steps>;
  /// The search sees weights over sigma, and values, times this as 16-bit integers: as fine as they
  /// allow at 3 and 4 bits, where errors are small; coarser at 1 and 2, where their sums grow
  /// large.
  static constexpr float unit = B == 1 ? 4096.0f : B == 2 ? 5792.0f : 8192.0f;

  /// False: no scale is stored, and the weights are taken to be of deviation 1.
  bool scaled = true;

  static std::string name() {
    return "trellis<" + std::to_string(B) + ", " + std::to_string(L) + ", " + Code::name() + ">";
  }
  int scale_bits() const { return scaled ? 16 : 0; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.scaled);
  }

  /// Root mean square of the group.
  template <class T>
  OPENQUANT_HD vec<T, 1> fit(const group_view<T>& group) const {
    if (!scaled) return {T(1.0f)};
    T energy = T(0.0f);
    for (index_t j = 0; j < group.size(); ++j) energy = energy + group[j] * group[j];
    return {sqrt(energy * T(1.0f / static_cast<float>(group.size())))};
  }
  OPENQUANT_HD std::uint64_t pack(const vec<float, 1>& s) const {
    return scaled ? to_float16(min(s[0], 65504.0f)).bits : 0;  // the largest of fp16
  }
  OPENQUANT_HD vec<float, 1> unpack(std::uint64_t bits) const {
    return {scaled ? to_float(float16{static_cast<std::uint16_t>(bits)}) : 1.0f};
  }

  /// The values as the search sees them, one a state.
  static std::span<const std::int16_t> search_values() { return values().fixed; }

  /// What `encode_tile` works in: allocated once, used by one thread.
  struct workspace {
    typename search::workspace viterbi;
    std::array<std::int16_t, steps> target;
    std::array<std::uint32_t, steps> path;

    static constexpr index_t bytes() { return search::workspace::bytes() + 6 * index_t{steps}; }
  };

  /// What the search sees of weights under the scale sigma: target(x, inverse_of(sigma)).
  template <class T>
  OPENQUANT_HD static T inverse_of(const T& sigma) {
    return select(sigma > T(0.0f), T(unit) / sigma, T(0.0f));
  }
  template <class T>
  OPENQUANT_HD static lane_int_t<T> target(const T& x, const T& inverse) {
    const T limit(largest), u = x * inverse;
    const T above = select(u > T(0.0f) - limit, u, T(0.0f) - limit);  // NaN as well
    return to_int(round_even(min(above, limit)));
  }

  /// Symbols of a tile: x(k, r) is weight k of row r, s(0, r) its scale, c has 256 elements. A row
  /// of scale 0 is taken for zeros; weights beyond 4 sigma for 4 sigma.
  template <class T>
  void encode_tile(matrix_view<const float> x, matrix_view<const float> s,
                   std::span<std::int32_t> c, workspace& ws) const {
    OPENQUANT_EXPECTS(x.rows() == dim && x.cols() == tile_rows && s.rows() == scale_fields);
    OPENQUANT_EXPECTS(s.cols() == tile_rows && std::ssize(c) == steps);
    constexpr index_t lanes = lane_count<T>;
    static_assert(tile_rows % lanes == 0);
    for (index_t r = 0; r < tile_rows; r += lanes) {
      const T inverse = inverse_of(load<T>(s.data() + r));
      for (index_t k = 0; k < dim; ++k) {
        std::int32_t rounded[lanes];
        store(target(load<T>(x.row(k).data() + r), inverse), rounded);
        for (index_t i = 0; i < lanes; ++i) {
          ws.target[static_cast<std::size_t>(k * tile_rows + r + i)] =
              static_cast<std::int16_t>(rounded[i]);
        }
      }
    }
    search::template closed_path<lane16_t<T>>(values().fixed.data(), ws.target, ws.path,
                                              ws.viterbi);
    std::transform(ws.path.begin(), ws.path.end(), c.begin(), [](std::uint32_t state) {
      return static_cast<std::int32_t>(state % search::branches);
    });
  }

  /// The tile x(k, r) of the symbols c under the scales s(0, r).
  template <class T>
  void decode_tile(std::span<const std::int32_t> c, matrix_view<const float> s,
                   matrix_view<float> x) const {
    OPENQUANT_EXPECTS(x.rows() == dim && x.cols() == tile_rows && s.rows() == scale_fields);
    OPENQUANT_EXPECTS(s.cols() == tile_rows && std::ssize(c) == steps);
    const float* value = values().real.data();
    std::uint32_t state = 0;
    const auto push = [&](index_t t) {
      state = (state << B | static_cast<std::uint32_t>(c[static_cast<std::size_t>(t)])) %
              search::states;
    };
    for (index_t t = steps - search::depth; t < steps; ++t) push(t);
    for (index_t k = 0; k < dim; ++k) {
      for (index_t r = 0; r < tile_rows; ++r) {
        push(k * tile_rows + r);
        x(k, r) = value[state] * s(0, r);
      }
    }
  }

  /// A tile in a strip of 16 rows: the circle backwards, the last symbol lowest, so that every
  /// state is a window of L consecutive bits and those of a column begin B bits apart.
  static constexpr index_t lane_words = code_bits / 32;
  static void to_lanes(std::span<const std::int32_t> c, std::int32_t* words) {
    for (index_t w = 0; w < lane_words; ++w) words[w] = lane_word(c.data(), w);
  }
  /// Word w of it; c is an array of all symbols.
  template <class Symbols>
  OPENQUANT_HD static std::int32_t lane_word(const Symbols& c, index_t w) {
    const index_t first = 32 * w / B;  // counted backwards; its bits may begin in the word before
    std::uint64_t bits = 0;
    for (index_t i = first; i * B < 32 * (w + 1); ++i) {
      bits |= static_cast<std::uint64_t>(c[steps - 1 - i]) << ((i - first) * B);
    }
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(bits >> (32 * w - first * B)));
  }
  /// The symbols again.
  static void from_lanes(const std::int32_t* words, std::span<std::int32_t> c) {
    for (index_t t = 0; t < steps; ++t) {
      const index_t bit = (steps - 1 - t) * B, w = bit / 32;
      const auto low = static_cast<std::uint32_t>(words[w]);
      const auto high = static_cast<std::uint32_t>(words[w + 1 < lane_words ? w + 1 : w]);
      const std::uint64_t both = std::uint64_t{high} << 32 | low;
      c[static_cast<std::size_t>(t)] =
          static_cast<std::int32_t>((both >> bit % 32) % search::branches);
    }
  }
  /// Column k of rows r, ... from that form.
  template <class T, index_t k>
  OPENQUANT_INLINE T lane_column(const std::int32_t* words, index_t r, const vec<T, 1>& s) const {
    const lane_int_t<T> state = lane_states<T, k>(words, r);
    if constexpr (is_computed<T>)
      return Code::template lanes<B, L, T>(state) * s[0];
    else
      return gather(values().real.data(), state) * s[0];
  }
  /// The same under the scale linear_unit, but for rounding: of computed values, without the factor
  /// that ends their computation.
  template <class T, index_t k>
  OPENQUANT_INLINE T unit_column(const std::int32_t* words, index_t r) const {
    const lane_int_t<T> state = lane_states<T, k>(words, r);
    if constexpr (requires { Code::template multiples<B, L, T>(state); })
      return Code::template multiples<B, L, T>(state);
    else
      return lane_column<T, k>(words, r, vec<T, 1>{T(1.0f)});
  }
  static constexpr float linear_unit = [] {
    if constexpr (requires { Code::template factor<B>; })
      return 1 / Code::template factor<B>;
    else
      return 1.0f;
  }();

  /// The values of all states, unless they are computed.
  static constexpr index_t table_size = is_computed<float> ? 0 : index_t{search::states};
  static auto table() requires(table_size > 0) {
    return std::span<const float, std::size_t{search::states}>(values().real);
  }
  template <class T, index_t k>
  OPENQUANT_HD OPENQUANT_INLINE T lane_column(const std::int32_t* words, index_t r,
                                              const vec<T, 1>& s, const float* value) const {
    const lane_int_t<T> state = lane_states<T, k>(words, r);
    if constexpr (is_computed<T>)
      return Code::template lanes<B, L, T>(state) * s[0];
    else
      return gather(value, state) * s[0];
  }

 private:
  /// The states of column k of rows r, ...
  template <class T, index_t k>
  OPENQUANT_HD OPENQUANT_INLINE static lane_int_t<T> lane_states(const std::int32_t* words,
                                                                 index_t r) {
    constexpr index_t bit = (dim - 1 - k) * tile_rows * B, word = bit / 32;
    const int first = static_cast<int>(bit % 32 + (tile_rows - 1 - r) * B);
    if constexpr (L == 16 && B <= 2 && word + 2 <= lane_words) {
      return half_windows<T>(words + word, first, B);
    } else {
      return bit_windows<T>(words[word], words[(word + 1) % lane_words],
                            words[(word + 2) % lane_words], first, B) &
             lane_int_t<T>(search::states - 1);
    }
  }

  static constexpr float largest = std::min(4 * unit, 32767.0f);

  struct state_values {
    aligned_vector<float> real = aligned_vector<float>(search::states);
    aligned_vector<std::int16_t> fixed = aligned_vector<std::int16_t>(search::states);
  };
  /// The values of all states, computed when they are first asked for.
  static const state_values& values() {
    static const state_values all = [] {
      state_values v;
      for (std::uint32_t s = 0; s < search::states; ++s) {
        v.real[s] = Code::template value<B, L>(s);
        v.fixed[s] = static_cast<std::int16_t>(
            round_even(std::clamp(v.real[s] * unit, -32767.0f, 32767.0f)));
      }
      return v;
    }();
    return all;
  }
};

static_assert(TileQuantizer<trellis<1>> && TileQuantizer<trellis<4>>);

}  // namespace openquant::quantizer
