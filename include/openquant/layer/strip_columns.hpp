// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>
#include <utility>

#include <openquant/core/simd.hpp>
#include <openquant/layer/strip.hpp>

namespace openquant {

/// A decode that looks at the low bits of each integer alone says so, and gets them with the bits
/// of other codes above.
template <class Q>
inline constexpr bool ignores_high_bits = requires {
  requires Q::ignores_high_bits;
};

/// One block of a point quantizer whose code starts at `bit`: use.template at<column>(weight) for
/// its columns, column counted from `first`.
template <class T, index_t first, Quantizer Q, class Use>
OPENQUANT_INLINE void use_point(const Q& q, const std::int32_t* words, index_t bit,
                                const scale_t<Q, T>& s, Use& use) {
  constexpr index_t stride = strip_shape<Q>::strings;
  code_t<Q, T> c;
  [&]<index_t... f>(std::integer_sequence<index_t, f...>) OPENQUANT_INLINE_LAMBDA {
    ((code_field(c, f) = field_at<T, field_bits<Q>, !ignores_high_bits<Q>>(
          words, stride, bit + f * field_bits<Q>)),
     ...);
  }
  (std::make_integer_sequence<index_t, code_fields<Q>>{});
  const point_t<Q, T> x = q.decode(c, s);
  [&]<index_t... k>(std::integer_sequence<index_t, k...>) OPENQUANT_INLINE_LAMBDA {
    (use.template at<first + k>(x[k]), ...);
  }
  (std::make_integer_sequence<index_t, index_t{Q::dim}>{});
}

/// Decodes `blocks` blocks of group g from block `first` of the group on, for rows
/// r, ..., r + lane_count<T> - 1 of a strip under the scales s. use.template at<c>(weight) is
/// called for the columns c = 0, 1, ... of a step, and use.step(columns) after each step. `first`
/// is a multiple of word_period<Q>.
///
/// `in_units`: s is (Q::linear_unit, 0), and rounding does not matter.
template <class T, bool in_units = false, Quantizer Q, class Use>
OPENQUANT_INLINE void for_each_column(const Q& q, const strip_view<Q>& strip, index_t g, index_t r,
                                      index_t first, index_t blocks, const scale_t<Q, T>& s,
                                      Use& use) {
  const std::int32_t* words = strip.group(g) + strip_shape<Q>::words_of(first) + r;
  if constexpr (LaneTileQuantizer<Q>) {
    words -= r;
    for (index_t b = 0; b < blocks; ++b, words += Q::lane_words) {
      [&]<index_t... k>(std::integer_sequence<index_t, k...>) OPENQUANT_INLINE_LAMBDA {
        const auto column =
            [&]<index_t i>(std::integral_constant<index_t, i>) OPENQUANT_INLINE_LAMBDA {
              if constexpr (in_units && requires { q.template unit_column<T, i>(words, r); })
                return q.template unit_column<T, i>(words, r);
              else
                return q.template lane_column<T, i>(words, r, s);
            };
        (use.template at<k>(column(std::integral_constant<index_t, k>{})), ...);
      }
      (std::make_integer_sequence<index_t, index_t{Q::dim}>{});
      use.step(Q::dim);
    }
  } else if constexpr (TileQuantizer<Q>) {
    // Whatever the tiles do in themselves, their weights come in columns of 16 rows.
    constexpr index_t rows = strip_shape<Q>::rows, strings = strip_shape<Q>::strings;
    float scale[Q::scale_fields][rows], block[static_cast<std::size_t>(Q::dim)][rows];
    row_codes<Q, rows> codes;
    for (index_t k = 0; k < Q::scale_fields; ++k) {
      for (index_t i = 0; i < rows; ++i) scale[k][i] = strip.scale(g, k)[i];
    }
    const matrix_view<float> x(block[0], Q::dim, rows);
    for (index_t b = first; b < first + blocks; ++b) {
      for (index_t t = 0; t < strings; ++t) {
        for (index_t f = 0; f < code_fields<Q>; ++f) {
          codes(t, f) = field_at<float, field_bits<Q>>(strip.group(g) + t, strings,
                                                       b * Q::code_bits + f * field_bits<Q>);
        }
      }
      decode_rows<T>(q, codes, matrix_view<const float>(scale[0], Q::scale_fields, rows), x);
      for (index_t k = 0; k < Q::dim; ++k) {
        use.template at<0>(load<T>(&block[k][r]));
        use.step(1);
      }
    }
  } else {
    index_t b = 0;
    if constexpr (LanePointQuantizer<Q, T>) {
      constexpr index_t own = Q::lane_blocks;
      for (; b + own <= blocks; b += own, words += strip_shape<Q>::words_of(own)) {
        const auto codes = Q::template read_lanes<T>(words, strip_shape<Q>::strings);
        [&]<index_t... k>(std::integer_sequence<index_t, k...>) OPENQUANT_INLINE_LAMBDA {
          (use.template at<k>(q.template lane_column<T, k>(codes, s)), ...);
        }
        (std::make_integer_sequence<index_t, own * Q::dim>{});
        use.step(own * Q::dim);
      }
    }
    constexpr index_t step = word_period<Q>;
    if constexpr (step * Q::dim <= 64) {  // written out: every shift is a constant
      for (; b + step <= blocks; b += step, words += strip_shape<Q>::words_of(step)) {
        [&]<index_t... i>(std::integer_sequence<index_t, i...>) OPENQUANT_INLINE_LAMBDA {
          (use_point<T, i * Q::dim>(q, words, i * Q::code_bits, s, use), ...);
        }
        (std::make_integer_sequence<index_t, step>{});
        use.step(step * Q::dim);
      }
    }
    // Fewer than a step are left where steps were written out; the compiler wants to be told.
    constexpr index_t most = step * Q::dim <= 64 ? step - 1 : std::numeric_limits<index_t>::max();
    for (index_t i = 0; b < blocks && i < most; ++b, ++i) {
      use_point<T, 0>(q, words, i * Q::code_bits, s, use);
      use.step(Q::dim);
    }
  }
}

}  // namespace openquant
