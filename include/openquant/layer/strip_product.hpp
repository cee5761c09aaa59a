// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/layer/strip_columns.hpp>

/// Products of decoded strips with tokens. Each output is a sum over the columns in an order that
/// the shape and the number of tokens fix, the same in every lane width but for the rounding of
/// fused products.
namespace openquant {

/// How far ahead of what they decode products of few tokens ask for words: the 16 KB that memory
/// delivers in four times its latency. What the hardware fetches by itself comes too late.
inline constexpr index_t words_ahead = 4096;

/// Sums of weights times activations, for `tokens` tokens and as many rows as T has lanes.
template <class T, index_t tokens, Quantizer Q>
class token_sums {
 public:
  /// x : (columns, tokens), of the columns whose codes begin at `words`
  token_sums(const float* x, const std::int32_t* words) : x_(x), ahead_(words + words_ahead) {
    OPENQUANT_UNROLL_REGISTERS
    for (index_t i = 0; i < parts * tokens; ++i) sum_[i] = T(0.0f);
  }

  template <index_t column>
  OPENQUANT_INLINE void at(T weight) {
    OPENQUANT_UNROLL_REGISTERS
    for (index_t t = 0; t < tokens; ++t) {
      T& sum = sum_[column % parts * tokens + t];
      sum = mul_add(weight, T(x_[column * tokens + t]), sum);
    }
  }
  OPENQUANT_INLINE void step(index_t columns) {
    x_ += columns * tokens;
    constexpr index_t line = 16;  // words
    const index_t words = strip_shape<Q>::words_of(columns / Q::dim);
    for (index_t i = 0; i < words; i += line) prefetch_near(ahead_ + i);
    ahead_ += words;
  }

  OPENQUANT_INLINE T total(index_t t) const {
    T sum = sum_[t];
    OPENQUANT_UNROLL_REGISTERS
    for (index_t i = 1; i < parts; ++i) sum = sum + sum_[i * tokens + t];
    return sum;
  }

 private:
  /// Chains of additions side by side, for an addition waits for the one before: two a cycle, four
  /// cycles long each, make eight.
  static constexpr index_t parts = 8 / tokens;
  static_assert(parts * tokens == 8);

  const float* x_;
  const std::int32_t* ahead_;
  T sum_[parts * tokens];
};

/// y += x W^T for one strip W and few tokens, decoded in registers.
///
/// Shapes:  x : (strip.shape.padded_cols(), tokens), zero beyond the columns there are;
///          x_sums : (groups, tokens), sums of x over each group's columns, for linear Q with a
///          zero; y : (tokens, 16), contiguous
template <class T, index_t tokens, Quantizer Q>
void multiply_strip(const Q& q, const strip_view<Q>& strip, const float* x, const float* x_sums,
                    float* y) {
  constexpr index_t rows = strip_shape<Q>::rows;
  const index_t groups = strip.shape.groups();
  const index_t groups_ahead = strip.shape.groups_of(words_ahead);
  for (index_t g = 0; g < groups; ++g) {
    const index_t blocks = strip.shape.blocks_in(g);
    strip.prefetch_scales(g + groups_ahead);
    for (index_t r = 0; r < rows; r += lane_count<T>) {
      scale_t<Q, T> s, unit;
      for (index_t k = 0; k < Q::scale_fields; ++k) {
        s[k] = load<T>(strip.scale(g, k) + r);
        unit[k] = is_linear<Q> ? T(k == 0 ? linear_unit<Q> : 0.0f) : s[k];
      }
      token_sums<T, tokens, Q> sums(x, strip.group(g));
      for_each_column<T, is_linear<Q>>(q, strip, g, r, 0, blocks, unit, sums);
      OPENQUANT_UNROLL_REGISTERS
      for (index_t t = 0; t < tokens; ++t) {
        float* out = y + t * rows + r;
        T sum = sums.total(t);
        if constexpr (is_linear<Q>) {
          if constexpr (linear_unit<Q> != 1) sum = sum * T(1 / linear_unit<Q>);
          if constexpr (Q::scale_fields == 2) sum = sum - s[1] * T(x_sums[g * tokens + t]);
          sum = sum * s[0];
        }
        store(load<T>(out) + sum, out);
      }
    }
    x += blocks * Q::dim * tokens;
  }
}

/// Writes weights to columns of `stride` floats.
template <class T, index_t stride>
struct column_writer {
  float* w;

  template <index_t column>
  OPENQUANT_INLINE void at(T weight) {
    store(weight, w + column * stride);
  }
  OPENQUANT_INLINE void step(index_t columns) { w += columns * stride; }
};

/// Weights of blocks first, ..., first + blocks - 1 of group g of a strip, to w(column, row) with
/// `stride` floats from column to column. first is a multiple of word_period<Q>.
template <class T, index_t stride, Quantizer Q>
void decode_strip(const Q& q, const strip_view<Q>& strip, index_t g, index_t first, index_t blocks,
                  float* w) {
  for (index_t r = 0; r < strip_shape<Q>::rows; r += lane_count<T>) {
    scale_t<Q, T> s;
    for (index_t k = 0; k < Q::scale_fields; ++k) s[k] = load<T>(strip.scale(g, k) + r);
    column_writer<T, stride> writer{w + r};
    for_each_column<T>(q, strip, g, r, first, blocks, s, writer);
  }
}

/// y += x W^T for `rows` rows of weights w(column, row) and 8 tokens.
///
/// Shapes:  w : (cols, rows), x : (cols, 8), y : (8, rows), all contiguous; rows a multiple of
/// twice
///          T's lanes
template <class T, index_t rows>
void multiply_panel(const float* w, index_t cols, const float* x, float* y) {
  constexpr index_t lanes = lane_count<T>, tokens = sizeof(T) == 64 ? 8 : 4;  // 32 registers or 16
  static_assert(rows % (2 * lanes) == 0);
  for (index_t r = 0; r < rows; r += 2 * lanes) {
    for (index_t first = 0; first < 8; first += tokens) {
      T sum[tokens][2];
      OPENQUANT_UNROLL_REGISTERS
      for (index_t t = 0; t < tokens; ++t) {
        sum[t][0] = load<T>(y + (first + t) * rows + r);
        sum[t][1] = load<T>(y + (first + t) * rows + r + lanes);
      }
      for (index_t j = 0; j < cols; ++j) {
        const T a = load<T>(w + j * rows + r), b = load<T>(w + j * rows + r + lanes);
        OPENQUANT_UNROLL_REGISTERS
        for (index_t t = 0; t < tokens; ++t) {
          const T value(x[j * 8 + first + t]);
          sum[t][0] = mul_add(a, value, sum[t][0]);
          sum[t][1] = mul_add(b, value, sum[t][1]);
        }
      }
      OPENQUANT_UNROLL_REGISTERS
      for (index_t t = 0; t < tokens; ++t) {
        store(sum[t][0], y + (first + t) * rows + r);
        store(sum[t][1], y + (first + t) * rows + r + lanes);
      }
    }
  }
}

}  // namespace openquant
