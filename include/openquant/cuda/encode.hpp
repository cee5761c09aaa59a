// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/codes.hpp>

namespace openquant::cuda {

/// Writes codes of one row one after the other, from the start of a word on, into words that lie
/// `stride` apart.
template <PointQuantizer Q>
class code_writer {
 public:
  OPENQUANT_HD code_writer(std::int32_t* to, index_t stride) : to_(to), stride_(stride) {}
  /// Goes on at a bit, behind what is written there.
  OPENQUANT_HD code_writer(std::int32_t* to, index_t stride, index_t bit)
      : code_writer(to + bit / 32 * stride, stride) {
    filled_ = static_cast<int>(bit % 32);
    if (filled_ > 0) bits_ = static_cast<std::uint32_t>(*to_) & ((1u << filled_) - 1);
  }

  OPENQUANT_HD void put(const code_t<Q>& c) {
    OPENQUANT_UNROLL
    for (index_t f = 0; f < code_fields<Q>; ++f) {
      const auto field = static_cast<std::uint32_t>(code_field(c, f));
      bits_ |= std::uint64_t{field} << filled_;
      filled_ += field_bits<Q>;
      if (filled_ >= 32) flush();
    }
  }
  /// The last word, if it is not full.
  OPENQUANT_HD void finish() {
    if (filled_ > 0) flush();
  }

 private:
  OPENQUANT_HD void flush() {
    *to_ = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits_));
    to_ += stride_;
    bits_ >>= 32;
    filled_ -= 32;
  }

  std::int32_t* to_;
  index_t stride_;
  std::uint64_t bits_ = 0;
  int filled_ = 0;
};

/// Writes one code at a bit of words that have zeros there, for codes that come in any order.
template <PointQuantizer Q>
OPENQUANT_HD void put_code(std::int32_t* words, index_t stride, index_t bit, const code_t<Q>& c) {
  OPENQUANT_UNROLL
  for (index_t f = 0; f < code_fields<Q>; ++f, bit += field_bits<Q>) {
    const auto field = std::uint64_t{static_cast<std::uint32_t>(code_field(c, f))} << bit % 32;
    std::int32_t* const at = words + bit / 32 * stride;
    *at |= static_cast<std::int32_t>(static_cast<std::uint32_t>(field));
    if (field >> 32 != 0) at[stride] |= static_cast<std::int32_t>(field >> 32);
  }
}

/// The code of the d weights at w, w + stride, ...
template <PointQuantizer Q>
OPENQUANT_HD code_t<Q> encode_at(const Q& q, const float* w, index_t stride, const scale_t<Q>& s) {
  point_t<Q> x;
  OPENQUANT_UNROLL
  for (index_t k = 0; k < Q::dim; ++k) x[k] = w[k * stride];
  return q.encode(x, s);
}

/// The codes of `blocks` blocks at w, w + w_stride, ..., as `code_writer` writes them.
template <PointQuantizer Q>
OPENQUANT_HD void encode_blocks(const Q& q, const float* w, index_t w_stride, index_t blocks,
                                const scale_t<Q>& s, std::int32_t* words, index_t stride) {
  code_writer<Q> writer(words, stride);
  for (index_t b = 0; b < blocks; ++b) {
    writer.put(encode_at(q, w + b * Q::dim * w_stride, w_stride, s));
  }
  writer.finish();
}

/// Codes of a matrix whose columns are whole blocks of Q under their scales, to strips.
///
/// A thread codes as many blocks of one row as fill whole words, so that no two threads write the
/// same; neighbours have neighbouring rows, and write side by side.
template <DeviceQuantizer Q>
requires PointQuantizer<Q>
struct encode_kernel {
  static constexpr int threads = 128, resident = 1;
  static constexpr index_t strip_rows = strip_shape<Q>::rows, blocks = word_period<Q>;
  struct shared {};

  Q q;
  strip_shape<Q> shape;
  const float* w;
  index_t w_stride, rows;
  const float* scales;
  index_t scales_stride;
  std::int32_t* words;
  index_t words_stride;

  OPENQUANT_HD index_t in_group() const { return (shape.group_blocks() + blocks - 1) / blocks; }
  /// Rows, those of a last strip that are not there included, times runs of blocks.
  OPENQUANT_HD index_t count() const {
    return (rows + strip_rows - 1) / strip_rows * strip_rows * shape.groups() * in_group();
  }
  index_t grid() const { return (count() + threads - 1) / threads; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    block.each([&](int t) {
      const index_t i = block.index() * threads + t;
      if (i >= count()) return;
      const index_t r = i % strip_rows, run = i / strip_rows % (shape.groups() * in_group());
      const index_t strip = i / strip_rows / (shape.groups() * in_group());
      const index_t row = strip * strip_rows + r, g = run / in_group();
      const index_t first = run % in_group() * blocks, left = shape.blocks_in(g) - first;
      if (left <= 0) return;
      const index_t here = left < blocks ? left : blocks;
      std::int32_t* const to = words + strip * words_stride + shape.group_words(g) +
                               first * Q::code_bits / 32 * strip_rows + r;
      if (row >= rows) {
        const index_t count = (here * Q::code_bits + 31) / 32;
        for (index_t k = 0; k < count; ++k) to[k * strip_rows] = 0;
        return;
      }
      const float* const scale =
          scales + strip * scales_stride + g * Q::scale_fields * strip_rows + r;
      scale_t<Q> s;
      OPENQUANT_UNROLL
      for (index_t k = 0; k < Q::scale_fields; ++k) s[k] = scale[k * strip_rows];
      encode_blocks(q, w + row * w_stride + g * shape.group_size + first * Q::dim, 1, here, s, to,
                    strip_rows);
    });
  }
};

/// The kernel for this matrix. Throws openquant::error where the shapes do not fit.
template <DeviceQuantizer Q>
requires PointQuantizer<Q> encode_kernel<Q> make_encode_kernel(
    const Q& q, const strip_shape<Q>& shape, matrix_view<const float, device> w,
    matrix_view<const float, device> scales, matrix_view<std::int32_t, device> words) {
  constexpr index_t strip_rows = strip_shape<Q>::rows;
  const index_t strips = (w.rows() + strip_rows - 1) / strip_rows;
  if (w.cols() != shape.padded_cols() || scales.rows() != strips ||
      scales.cols() != shape.scales() || words.rows() != strips || words.cols() != shape.words()) {
    fail("cuda: encode by ", Q::name(), " of w (", w.rows(), ", ", w.cols(), ") of ", shape.cols,
         " columns in groups of ", shape.group_size, " under scales (", scales.rows(), ", ",
         scales.cols(), ") to words (", words.rows(), ", ", words.cols(), ")");
  }
  return {q,
          shape,
          w.data(),
          w.stride(),
          w.rows(),
          scales.data(),
          scales.stride(),
          words.data(),
          words.stride()};
}

}  // namespace openquant::cuda
