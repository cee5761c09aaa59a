// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <openquant/core/executor.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/layer/layout.hpp>
#include <openquant/layer/nibble_product.hpp>
#include <openquant/layer/strip_product.hpp>

namespace openquant {

/// Activations as the kernels read them: blocks of `width` tokens, (blocks, cols, width), with
/// zeros for the tokens that a last block does not have, and the sums over the columns of each
/// group, (blocks, groups, width).
class token_blocks {
 public:
  /// Up to 8 tokens are one block of 1, 2, 4 or 8, more are blocks of 8.
  token_blocks(matrix_view<const float> x, index_t padded_cols, index_t group_size)
      : tokens_(x.rows()),
        width_(x.rows() <= 1   ? 1
               : x.rows() <= 2 ? 2
               : x.rows() <= 4 ? 4
                               : 8),
        cols_(padded_cols),
        groups_((x.cols() + group_size - 1) / group_size),
        values_(static_cast<std::size_t>(blocks() * cols_ * width_)),
        sums_(static_cast<std::size_t>(blocks() * groups_ * width_)) {
    for (index_t t = 0; t < tokens_; ++t) {
      float* to = values_.data() + t / width_ * cols_ * width_ + t % width_;
      float* sum = sums_.data() + t / width_ * groups_ * width_ + t % width_;
      for (index_t g = 0; g < groups_; ++g) {
        const index_t first = g * group_size, count = std::min(group_size, x.cols() - first);
        for (index_t j = first; j < first + count; ++j) to[j * width_] = x(t, j);
        sum[g * width_] = static_cast<float>(sum_of(
            x.row(t).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count))));
      }
    }
  }

  index_t tokens() const { return tokens_; }
  index_t width() const { return width_; }
  index_t blocks() const { return (tokens_ + width_ - 1) / width_; }
  const float* values(index_t block) const { return values_.data() + block * cols_ * width_; }
  const float* sums(index_t block) const { return sums_.data() + block * groups_ * width_; }

 private:
  index_t tokens_, width_, cols_, groups_;
  aligned_vector<float> values_, sums_;
};

/// Rows of y that one task computes.
inline constexpr index_t multiply_task_rows = 128;

/// y(t, first + i) = unit times the products of up to 8 tokens with strips first / 16, ..., decoded
/// in registers. Shapes as in `multiply_strip`; y : (tokens, count).
template <class T, Quantizer Q, class Codes>
void multiply_few(const Q& q, const Codes& codes, const token_blocks& x, float unit, index_t first,
                  matrix_view<float> y) {
  constexpr index_t rows = strip_shape<Q>::rows;
  typename Codes::workspace memory;
  for (index_t i = 0; i < y.cols(); i += rows) {
    const strip_view<Q> strip = codes.strip((first + i) / rows, memory);
    alignas(64) float sums[8 * rows] = {};
    const auto run = [&]<index_t tokens>() {
      multiply_strip<T, tokens>(q, strip, x.values(0), x.sums(0), sums);
    };
    if (x.width() == 1)
      run.template operator()<1>();
    else if (x.width() == 2)
      run.template operator()<2>();
    else if (x.width() == 4)
      run.template operator()<4>();
    else
      run.template operator()<8>();
    for (index_t t = 0; t < y.rows(); ++t) {
      for (index_t r = 0; r < std::min(rows, y.cols() - i); ++r) {
        y(t, i + r) = unit * sums[t * rows + r];
      }
    }
  }
}

/// The same for one token by tables of its sums.
template <class T, NibbleQuantizer Q, class Codes>
void multiply_one(const Codes& codes, const nibble_tables<T, Q>& x, float unit, index_t first,
                  std::span<float> y) {
  constexpr index_t rows = strip_shape<Q>::rows, most = multiply_task_rows / rows;
  typename Codes::workspace memory[static_cast<std::size_t>(most)];
  std::vector<strip_view<Q>> strips;
  for (index_t i = 0; i * rows < std::ssize(y); ++i) {
    strips.push_back(codes.strip(first / rows + i, memory[i]));
  }
  alignas(64) float sums[static_cast<std::size_t>(multiply_task_rows)] = {};
  multiply_nibbles<T>(std::span<const strip_view<Q>>(strips), x, sums);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = unit * sums[i];
}

/// The same for any number of tokens: 32 rows by about 256 columns are decoded at a time, to the
/// first cache, and multiplied with 64 tokens.
template <class T, Quantizer Q, class Codes>
void multiply_many(const Q& q, const Codes& codes, const strip_shape<Q>& shape,
                   const token_blocks& x, float unit, index_t first, matrix_view<float> y) {
  constexpr index_t rows = strip_shape<Q>::rows, panel = 2 * rows, pass = 8;  // blocks of 8 tokens
  constexpr index_t period = word_period<Q>;
  constexpr index_t chunk = std::max(index_t{1}, 256 / (period * Q::dim)) * period;
  const index_t strips = (y.cols() + rows - 1) / rows, pairs = (strips + 1) / 2;
  std::vector<typename Codes::workspace> memory(static_cast<std::size_t>(strips));
  std::vector<strip_view<Q>> strip;
  for (index_t i = 0; i < strips; ++i) {
    strip.push_back(codes.strip(first / rows + i, memory[static_cast<std::size_t>(i)]));
  }
  aligned_vector<float> w(static_cast<std::size_t>(chunk * Q::dim * panel));
  aligned_vector<float> sums(static_cast<std::size_t>(pairs * pass * 8 * panel));
  for (index_t block = 0; block < x.blocks(); block += pass) {
    const index_t count = std::min(pass, x.blocks() - block);
    std::ranges::fill(sums, 0.0f);
    for (index_t g = 0; g < shape.groups(); ++g) {
      for (index_t b = 0; b < shape.blocks_in(g); b += chunk) {
        const index_t blocks = std::min(chunk, shape.blocks_in(g) - b);
        const index_t column = (g * shape.group_blocks() + b) * Q::dim;
        for (index_t i = 0; i < strips; ++i) {
          decode_strip<T, panel>(q, strip[static_cast<std::size_t>(i)], g, b, blocks,
                                 w.data() + i % 2 * rows);
          if (i % 2 == 0 && i + 1 < strips) continue;
          for (index_t k = 0; k < count; ++k) {
            multiply_panel<T, panel>(w.data(), blocks * Q::dim, x.values(block + k) + column * 8,
                                     sums.data() + (i / 2 * pass + k) * 8 * panel);
          }
        }
      }
    }
    for (index_t t = 0; t < std::min(count * 8, x.tokens() - block * 8); ++t) {
      for (index_t i = 0; i < y.cols(); ++i) {
        y(block * 8 + t, i) =
            unit * sums[static_cast<std::size_t>(((i / panel * pass + t / 8) * 8 + t % 8) * panel +
                                                 i % panel)];
      }
    }
  }
}

/// W_hat in the basis of the codes, (m, n).
template <class Arch, Quantizer Q, class Codes>
void decode_codes(const Q& q, const Codes& codes, const strip_shape<Q>& shape, float unit,
                  matrix_view<float> w) {
  constexpr index_t rows = strip_shape<Q>::rows, period = word_period<Q>;
  typename Codes::workspace memory;
  aligned_vector<float> block(static_cast<std::size_t>(period * Q::dim * rows));
  for (index_t i = 0; i < w.rows(); i += rows) {
    const strip_view<Q> strip = codes.strip(i / rows, memory);
    for (index_t g = 0; g < shape.groups(); ++g) {
      for (index_t b = 0; b < shape.blocks_in(g); b += period) {
        const index_t blocks = std::min(period, shape.blocks_in(g) - b);
        decode_strip<batch<Arch>, rows>(q, strip, g, b, blocks, block.data());
        const index_t j = (g * shape.group_blocks() + b) * Q::dim;
        for (index_t k = 0; k < std::min(blocks * Q::dim, w.cols() - j); ++k) {
          for (index_t r = 0; r < std::min(rows, w.rows() - i); ++r) {
            w(i + r, j + k) = block[static_cast<std::size_t>(k * rows + r)] * unit;
          }
        }
      }
    }
  }
}

/// y = unit x W_hat^T in the basis of the codes, on the executor's threads.
///
/// Shapes:  x : (tokens, n), y : (tokens, m)
template <class Arch, Quantizer Q, class Codes, Executor X>
void multiply_codes(const Q& q, const Codes& codes, const strip_shape<Q>& shape,
                    matrix_view<const float> x, float unit, matrix_view<float> y, X&& executor) {
  if (x.rows() == 0) return;
  const index_t tasks = (y.cols() + multiply_task_rows - 1) / multiply_task_rows;
  if constexpr (NibbleQuantizer<Q> && has_register_tables<batch<Arch>>) {
    if (x.rows() == 1) {
      const nibble_tables<batch<Arch>, Q> tables(q, x.row(0), shape);
      executor.run(tasks, [&](index_t task) {
        const index_t first = task * multiply_task_rows;
        const index_t count = std::min(multiply_task_rows, y.cols() - first);
        multiply_one<batch<Arch>>(
            codes, tables, unit, first,
            y.row(0).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
      });
      return;
    }
  }
  const token_blocks blocks(x, shape.padded_cols(), shape.group_size);
  executor.run(tasks, [&](index_t task) {
    const index_t first = task * multiply_task_rows;
    const auto part = y.block(0, first, y.rows(), std::min(multiply_task_rows, y.cols() - first));
    if (x.rows() <= 8)
      multiply_few<batch<Arch>>(q, codes, blocks, unit, first, part);
    else
      multiply_many<batch<Arch>>(q, codes, shape, blocks, unit, first, part);
  });
}

}  // namespace openquant
