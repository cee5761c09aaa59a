// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include <openquant/layer/strip_product.hpp>

/// Products of strips with one token, four bits of codes at a time: what the columns behind them
/// add to a sum is looked up, in tables made of the token before.
namespace openquant {

/// Fields of one or two bits: codes, each of which alone decides a weight; or parts of codes in
/// words that `read_mirrored` made of the stored ones, in which a field decides a weight but for
/// its sign, the same for a whole code.
template <class Q>
concept NibbleQuantizer = is_linear<Q> && PointQuantizer<Q> &&(4 % field_bits<Q> == 0) &&
                          (field_bits<Q> <= 2) &&
                          ((Q::dim == 1 && code_fields<Q> == 1) ||
                           requires { requires Q::mirrors; });

/// The sum in double, in eight chains.
inline double sum_of(std::span<const float> x) {
  double chain[8] = {};
  std::size_t j = 0;
  for (; j + 8 <= x.size(); j += 8) {
    for (std::size_t k = 0; k < 8; ++k) chain[k] += static_cast<double>(x[j + k]);
  }
  for (; j < x.size(); ++j) chain[0] += static_cast<double>(x[j]);
  double sum = 0;
  for (const double part : chain) sum += part;
  return sum;
}

/// For one token the sums over the columns of four bits, for all their values:
///
///   (groups, nibbles of a group, 16) floats
///
/// Codes that fill a group's last word up are met by zeros.
template <class T, NibbleQuantizer Q>
class nibble_tables {
 public:
  static constexpr index_t cols = 4 / field_bits<Q>;

  /// x : the token, as long as the strips' columns
  nibble_tables(const Q& q, std::span<const float> x, const strip_shape<Q>& shape)
      : shape_(shape),
        sums_(static_cast<std::size_t>(shape.groups())),
        entries_(static_cast<std::size_t>(shape.groups() * group_nibbles() * 16)) {
    float level[cols][16];
    for (index_t c = 0; c < cols; ++c) {
      for (index_t i = 0; i < 16; ++i) {
        level[c][i] = field_level(q, (i >> (c * field_bits<Q>)) % (1 << field_bits<Q>));
      }
    }
    for (index_t g = 0; g < shape.groups(); ++g) {
      const auto first = static_cast<std::size_t>(g * shape.group_size);
      const auto part = x.subspan(first).first(
          std::min(x.size() - first, static_cast<std::size_t>(shape.group_size)));
      if (Q::scale_fields == 2) {
        sums_[static_cast<std::size_t>(g)] = static_cast<float>(sum_of(part));
      }
      float* entry = entries_.data() + at(g, 0);
      const auto whole = std::ssize(part) / cols * cols;
      for (index_t j = 0; j < whole; j += cols, entry += 16) {
        fill(level, part.data() + j, entry);
      }
      if (whole < std::ssize(part)) {
        float rest[static_cast<std::size_t>(cols)] = {};
        std::copy(part.begin() + whole, part.end(), rest);
        fill(level, rest, entry);
      }
    }
  }

  /// Tables of word w of group g, (8, 16), and the words of a whole group.
  const float* word(index_t g, index_t w) const { return entries_.data() + at(g, 8 * w); }
  index_t group_words() const { return group_nibbles() / 8; }
  /// The sum of x over group g.
  float sum(index_t g) const { return sums_[static_cast<std::size_t>(g)]; }

 private:
  index_t group_nibbles() const {
    return strip_shape<Q>::words_of(shape_.group_blocks()) / strip_shape<Q>::strings * 8;
  }
  index_t at(index_t g, index_t n) const { return (g * group_nibbles() + n) * 16; }
  /// The level of a field under the scale linear_unit, over that.
  static float field_level(const Q& q, index_t field) {
    if constexpr (Q::dim == 1) {
      scale_t<Q> unit{};
      unit[0] = linear_unit<Q>;
      return q.decode(static_cast<std::int32_t>(field), unit)[0] / linear_unit<Q>;
    } else {
      return Q::level(2 * field);
    }
  }
  static void fill(const float (&level)[cols][16], const float* x, float* entry) {
    OPENQUANT_UNROLL_REGISTERS
    for (index_t i = 0; i < 16; i += lane_count<T>) {
      T sum = load<T>(level[0] + i) * T(x[0]);
      OPENQUANT_UNROLL_REGISTERS
      for (index_t c = 1; c < cols; ++c) {
        sum = mul_add(load<T>(level[c] + i), T(x[c]), sum);
      }
      store(sum, entry + i);
    }
  }

  strip_shape<Q> shape_;
  aligned_vector<float> sums_, entries_;
};

/// Four sums a strip, each plus what the columns of two nibbles of a word of its strip add to it. A
/// row's scale is the other factor of the fused additions, and has the sign of the nibble's code.
template <class T, NibbleQuantizer Q, index_t strips>
OPENQUANT_INLINE void add_words(const std::int32_t* const (&words)[strips], const float* tables,
                                const T (&scale)[strips], T (&sum)[strips][4]) {
  lane_int_t<T> word[strips], turned[strips];
  OPENQUANT_UNROLL_REGISTERS
  for (index_t i = 0; i < strips; ++i) {
    if constexpr (Q::dim == 1) {
      word[i] = load_int<T>(words[i]);
    } else {
      const auto read = Q::template read_mirrored<T>(words[i]);
      word[i] = read.fields;
      turned[i] = read.turned;
    }
  }
  const auto add = [&]<index_t p>(std::integral_constant<index_t, p>) OPENQUANT_INLINE_LAMBDA {
    constexpr int bit = static_cast<int>(4 * p);
    const auto& table = *reinterpret_cast<const float(*)[16]>(tables + p * 16);
    OPENQUANT_UNROLL_REGISTERS
    for (index_t i = 0; i < strips; ++i) {
      T factor = scale[i];
      if constexpr (Q::dim > 1)
        factor = change_sign(factor, Q::template mirror_sign<T, bit>(turned[i]));
      const lane_int_t<T> field = p == 0 ? word[i] : word[i] >> bit;
      sum[i][p % 4] = mul_add(lookup(table, field), factor, sum[i][p % 4]);
    }
  };
  [&]<index_t... p>(std::integer_sequence<index_t, p...>) OPENQUANT_INLINE_LAMBDA {
    (add(std::integral_constant<index_t, p>{}), ...);
  }
  (std::make_integer_sequence<index_t, 8>{});
}

/// y += x W^T over words first, ..., end - 1 of the groups g, ..., last - 1 of `strips` strips, or
/// as many as those have; y : (strips, 16).
template <class T, index_t strips, NibbleQuantizer Q>
void add_nibbles(const strip_view<Q>* strip, const nibble_tables<T, Q>& x, index_t g, index_t last,
                 index_t first, index_t end, float* y) {
  constexpr index_t rows = strip_shape<Q>::rows, tables_of_word = 8, table = 16;
  const strip_shape<Q> shape = strip[0].shape;
  for (index_t r = 0; r < rows; r += lane_count<T>) {
    T sum[strips][4], scale[strips];
    const std::int32_t* word[strips];
    OPENQUANT_UNROLL_REGISTERS
    for (index_t i = 0; i < strips * 4; ++i) sum[i / 4][i % 4] = T(0.0f);
    for (index_t k = g; k < last; ++k) {
      const index_t words = strip_shape<Q>::words_of(shape.blocks_in(k)) / rows;
      OPENQUANT_UNROLL_REGISTERS
      for (index_t i = 0; i < strips; ++i) {
        strip[i].prefetch_scales(k + last - g);
        scale[i] = load<T>(strip[i].scale(k, 0) + r);
        word[i] = strip[i].group(k) + first * rows + r;
      }
      const float* tables = x.word(k, first);
      for (index_t w = first; w < std::min(end, words); ++w, tables += tables_of_word * table) {
        add_words<T, Q>(word, tables, scale, sum);
        OPENQUANT_UNROLL_REGISTERS
        for (index_t i = 0; i < strips; ++i) {
          prefetch(word[i] + (end - first) * rows);
          word[i] += rows;
        }
      }
      if constexpr (Q::scale_fields == 2) {
        if (first == 0) {
          OPENQUANT_UNROLL_REGISTERS
          for (index_t i = 0; i < strips; ++i) {
            sum[i][0] = sum[i][0] - scale[i] * (load<T>(strip[i].scale(k, 1) + r) * T(x.sum(k)));
          }
        }
      }
    }
    OPENQUANT_UNROLL_REGISTERS
    for (index_t i = 0; i < strips; ++i) {
      const T total = (sum[i][0] + sum[i][1]) + (sum[i][2] + sum[i][3]);
      store(load<T>(y + i * rows + r) + total, y + i * rows + r);
    }
  }
}

/// y += x W^T for strips that lie side by side, 16 floats of y each: all of them meet the tables of
/// about 256 columns, which stay in the first cache, before the next are taken.
template <class T, NibbleQuantizer Q>
void multiply_nibbles(std::span<const strip_view<Q>> strips, const nibble_tables<T, Q>& x,
                      float* y) {
  constexpr index_t most = 8 * field_bits<Q>;  // words of 256 columns
  const index_t groups = strips[0].shape.groups();
  const index_t step = std::max(most / x.group_words(), index_t{1});
  for (index_t g = 0; g < groups; g += step) {
    for (index_t first = 0; first < x.group_words(); first += most) {
      const index_t last = std::min(groups, g + step), end = first + most;
      std::size_t i = 0;
      for (; i + 2 <= strips.size(); i += 2) {  // a table that is read serves both
        add_nibbles<T, 2>(&strips[i], x, g, last, first, end, y + 16 * i);
      }
      if (i < strips.size()) add_nibbles<T, 1>(&strips[i], x, g, last, first, end, y + 16 * i);
    }
  }
}

}  // namespace openquant
