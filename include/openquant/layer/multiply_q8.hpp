// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>

#include <openquant/core/executor.hpp>
#include <openquant/layer/multiply.hpp>

/// Products with activations of 8 bits, in integers.
namespace openquant {

/// One weight a code, decoded as s_0 (c - s_1), in fields that fill bytes.
template <class Q>
concept IntegerQuantizer = PointQuantizer<Q> && Q::dim == 1 && Q::scale_fields == 2 &&
                           (8 % Q::code_bits == 0) && requires {
  requires Q::integer_levels;
};

/// Activations in 8 bits: each 32 columns from the start of a group on share a scale, their largest
/// magnitude over 127, so that none is wrong by more than 1/254 of that. Infinite and NaN are not
/// allowed.
///
/// Word w of a group of codes holds 32 / B columns; byte k of it, shifted down by p B bits, is
/// column 32 / B w + 8 / B k + p. Activations lie as the products meet them: (words, 8 / B, width)
/// words of four bytes, for blocks of `width` tokens.
template <IntegerQuantizer Q>
class token_bytes {
 public:
  static constexpr index_t block_cols = 32;
  static constexpr index_t phases = 8 / Q::code_bits;

  token_bytes(matrix_view<const float> x, const strip_shape<Q>& shape)
      : tokens_(x.rows()),
        width_(x.rows() <= 1   ? 1
               : x.rows() <= 2 ? 2
               : x.rows() <= 4 ? 4
                               : 8),
        shape_(shape),
        words_(static_cast<std::size_t>(blocks() * width_ * group_words(shape.groups()) * phases)),
        scales_(static_cast<std::size_t>(blocks() * width_ * group_scales(shape.groups()))),
        sums_(static_cast<std::size_t>(blocks() * width_ * shape.groups())) {
    for (index_t t = 0; t < tokens_; ++t) {
      for (index_t g = 0; g < shape.groups(); ++g) convert(x.row(t), t, g);
    }
  }

  index_t tokens() const { return tokens_; }
  index_t width() const { return width_; }
  index_t blocks() const { return (tokens_ + width_ - 1) / width_; }
  /// Of group g: bytes (words, phases, width), scales (ceil(columns / 32), width), and the sum of
  /// the converted activations, (width).
  const std::int32_t* words(index_t block, index_t g) const {
    return words_.data() + at_word(block, g);
  }
  const float* scales(index_t block, index_t g) const {
    return scales_.data() + at_scale(block, g);
  }
  const float* sums(index_t block, index_t g) const {
    return sums_.data() + (block * shape_.groups() + g) * width_;
  }

 private:
  index_t group_words(index_t g) const { return g * words_of(shape_.group_size); }
  index_t group_scales(index_t g) const {
    return g * ((shape_.group_size + block_cols - 1) / block_cols);
  }
  static index_t words_of(index_t cols) { return (cols * Q::code_bits + 31) / 32; }
  index_t at_word(index_t block, index_t g) const {
    return (block * group_words(shape_.groups()) + group_words(g)) * phases * width_;
  }
  index_t at_scale(index_t block, index_t g) const {
    return (block * group_scales(shape_.groups()) + group_scales(g)) * width_;
  }

  void convert(std::span<const float> x, index_t t, index_t g) {
    const index_t block = t / width_, lane = t % width_, first = g * shape_.group_size;
    const index_t end = std::min(shape_.cols, first + shape_.group_size);
    std::int32_t* words = words_.data() + at_word(block, g) + lane;
    float* scale = scales_.data() + at_scale(block, g) + lane;
    double total = 0;
    constexpr index_t word_cols = 32 / Q::code_bits;
    for (index_t j0 = first; j0 < end; j0 += block_cols, scale += width_) {
      // Whole blocks and few kinds of operations a loop: the compiler takes them into registers.
      float part[block_cols] = {};
      std::copy_n(x.begin() + j0, std::min(block_cols, end - j0), part);
      std::int32_t bits = 0;  // of the largest magnitude: those of finite floats are ordered alike
      for (const float value : part) {
        bits = std::max(bits, std::bit_cast<std::int32_t>(std::fabs(value)));
      }
      const auto largest = std::bit_cast<float>(bits);
      std::int32_t* block_words = words + (j0 - first) / word_cols * phases * width_;
      if (largest < 1e-35f) continue;  // whose inverse would overflow
      *scale = largest / 127;
      const float inverse = 127 / largest;
      std::int32_t value[block_cols], sum = 0;
      for (index_t i = 0; i < block_cols; ++i) value[i] = to_int(round_even(part[i] * inverse));
      for (index_t i = 0; i < block_cols; ++i) sum += value[i];
      for (index_t w = 0; w < Q::code_bits; ++w) {
        if (j0 + w * word_cols >= end) break;
        for (index_t p = 0; p < phases; ++p) {
          std::uint32_t word = 0;
          for (index_t k = 0; k < 4; ++k) {
            const std::int32_t byte = value[w * word_cols + k * phases + p] & 255;
            word |= static_cast<std::uint32_t>(byte) << (8 * k);
          }
          block_words[(w * phases + p) * width_] = static_cast<std::int32_t>(word);
        }
      }
      total += static_cast<double>(*scale) * sum;
    }
    sums_[static_cast<std::size_t>((block * shape_.groups() + g) * width_ + lane)] =
        static_cast<float>(total);
  }

  index_t tokens_, width_;
  strip_shape<Q> shape_;
  aligned_vector<std::int32_t> words_;
  aligned_vector<float> scales_, sums_;
};

/// y += x W^T for one strip W and the block of `tokens` tokens. y : (tokens, 16)
template <class T, index_t tokens, IntegerQuantizer Q>
void multiply_strip_q8(const strip_view<Q>& strip, const token_bytes<Q>& x, index_t block,
                       float* y) {
  constexpr index_t rows = strip_shape<Q>::rows, phases = token_bytes<Q>::phases;
  constexpr index_t bits = Q::code_bits;  // and words of 32 columns
  using Int = lane_int_t<T>;
  const Int mask(static_cast<std::int32_t>(((1u << bits) - 1) * 0x01010101u));
  const index_t groups_ahead = strip.shape.groups_of(words_ahead);
  for (index_t g = 0; g < strip.shape.groups(); ++g) {
    strip.prefetch_scales(g + groups_ahead);
    const index_t words = strip_shape<Q>::words_of(strip.shape.blocks_in(g)) / rows;
    for (index_t r = 0; r < rows; r += lane_count<T>) {
      const std::int32_t* w = strip.group(g) + r;
      const std::int32_t* bytes = x.words(block, g);
      const float* scale = x.scales(block, g);
      T sum[tokens];
      OPENQUANT_UNROLL_REGISTERS
      for (index_t t = 0; t < tokens; ++t) sum[t] = T(0.0f);
      for (index_t first = 0; first < words; first += bits, scale += tokens) {
        Int dot[tokens];
        OPENQUANT_UNROLL_REGISTERS
        for (index_t t = 0; t < tokens; ++t) dot[t] = Int(0);
        const auto add_word = [&]() OPENQUANT_INLINE_LAMBDA {
          const Int word = load_int<T>(w);
          prefetch_near(w + words_ahead);
          OPENQUANT_UNROLL_REGISTERS
          for (index_t p = 0; p < phases; ++p) {
            const Int codes = bits == 8 ? word : (word >> static_cast<int>(p * bits)) & mask;
            OPENQUANT_UNROLL_REGISTERS
            for (index_t t = 0; t < tokens; ++t) {
              dot[t] = dot_bytes<static_cast<int>(bits)>(dot[t], codes, Int(bytes[p * tokens + t]));
            }
          }
          w += rows;
          bytes += phases * tokens;
        };
        if (first + bits <= words) {
          OPENQUANT_UNROLL_REGISTERS
          for (index_t i = 0; i < bits; ++i) add_word();
        } else {
          for (index_t i = first; i < words; ++i) add_word();
        }
        OPENQUANT_UNROLL_REGISTERS
        for (index_t t = 0; t < tokens; ++t) {
          sum[t] = mul_add(to_float(dot[t]), T(scale[t]), sum[t]);
        }
      }
      const T step = load<T>(strip.scale(g, 0) + r), zero = load<T>(strip.scale(g, 1) + r);
      OPENQUANT_UNROLL_REGISTERS
      for (index_t t = 0; t < tokens; ++t) {
        float* out = y + t * rows + r;
        store(load<T>(out) + (sum[t] - zero * T(x.sums(block, g)[t])) * step, out);
      }
    }
  }
}

/// y = unit x W_hat^T in the basis of the codes, x in 8 bits, on the executor's threads.
///
/// Shapes:  x : (tokens, n), finite; y : (tokens, m)
/// Error:   beside roundings, unit sum_j |W_hat_ij| a_j / 2 at most, a_j the scale of the 32
/// columns
///          that j is in
template <class Arch, IntegerQuantizer Q, class Codes, Executor X>
void multiply_codes_q8(const Codes& codes, const strip_shape<Q>& shape, matrix_view<const float> x,
                       float unit, matrix_view<float> y, X&& executor) {
  if (x.rows() == 0) return;
  constexpr index_t rows = strip_shape<Q>::rows;
  const token_bytes<Q> bytes(x, shape);
  executor.run((y.cols() + multiply_task_rows - 1) / multiply_task_rows, [&](index_t task) {
    typename Codes::workspace memory;
    const index_t end = std::min(y.cols(), (task + 1) * multiply_task_rows);
    for (index_t i = task * multiply_task_rows; i < end; i += rows) {
      const strip_view<Q> strip = codes.strip(i / rows, memory);
      for (index_t block = 0; block < bytes.blocks(); ++block) {
        constexpr index_t most_tokens = 8;
        alignas(64) float sums[most_tokens * rows] = {};
        const auto run = [&]<index_t tokens>() {
          multiply_strip_q8<batch<Arch>, tokens>(strip, bytes, block, sums);
        };
        if (bytes.width() == 1)
          run.template operator()<1>();
        else if (bytes.width() == 2)
          run.template operator()<2>();
        else if (bytes.width() == 4)
          run.template operator()<4>();
        else
          run.template operator()<most_tokens>();
        const index_t first = block * bytes.width();
        // The third bound holds anyhow; without it GCC 12 warns of reading behind the sums.
        const index_t tokens = std::min({bytes.width(), y.rows() - first, most_tokens});
        for (index_t t = 0; t < tokens; ++t) {
          for (index_t r = 0; r < std::min(rows, end - i); ++r) {
            y(first + t, i + r) = unit * sums[t * rows + r];
          }
        }
      }
    }
  });
}

}  // namespace openquant
