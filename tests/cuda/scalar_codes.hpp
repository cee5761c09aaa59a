// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/layer/panel.hpp>
#include <openquant/layer/strip.hpp>

#include "cuda/on_device.hpp"

namespace openquant::test {

/// Weights of an (m, n') matrix, n' whole blocks, the last of them filled up with zeros. Row 1 is
/// all zero, row 2 has outliers, row 3 is tiny, and group 0 of row 4 is zero.
template <class Q>
matrix<float> encoder_weights(index_t m, const strip_shape<Q>& shape) {
  matrix<float> w(m, shape.padded_cols());
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < shape.cols; ++j) {
      float x = random::normal(11, static_cast<std::uint64_t>(i * shape.cols + j)) + 0.2f;
      if (i == 1 || (i == 4 && j < shape.group_size)) x = 0;
      if (i == 2 && j % 13 == 0) x *= 40;
      if (i == 3) x *= 1e-6f;
      w(i, j) = x;
    }
  }
  return w;
}
/// Importances of the columns, 0 where filled up, and on all of the second group.
template <class Q>
std::vector<float> encoder_importance(const strip_shape<Q>& shape) {
  std::vector<float> h(static_cast<std::size_t>(shape.padded_cols()));
  for (index_t j = 0; j < shape.cols; ++j) {
    const float x = random::normal(12, static_cast<std::uint64_t>(j));
    h[static_cast<std::size_t>(j)] = j / shape.group_size == 1 ? 0 : x * x;
  }
  return h;
}

/// The packed scales of the weights by the scalar template. h is empty, or one importance a column.
template <Quantizer Q>
bit_matrix scalar_scales(const Q& q, const matrix<float>& w, const std::vector<float>& h,
                         const strip_shape<Q>& shape) {
  bit_matrix scales(w.rows(), shape.groups(), q.scale_bits());
  for (index_t i = 0; i < w.rows(); ++i) {
    for (index_t g = 0; g < shape.groups(); ++g) {
      const index_t first = g * shape.group_size;
      const float* importance = h.empty() ? nullptr : &h[static_cast<std::size_t>(first)];
      const group_view<float> group(&w(i, first), 1, shape.blocks_in(g) * Q::dim, importance);
      scales.set(i, g, q.pack(q.fit(group)));
    }
  }
  return scales;
}

/// These, and the codes of the weights under them.
template <Quantizer Q>
packed_codes scalar_codes(const Q& q, const matrix<float>& w, const std::vector<float>& h,
                          const strip_shape<Q>& shape) {
  constexpr index_t t = tile_rows<Q>, d = Q::dim;
  const index_t m = w.rows(), tiles = (m + t - 1) / t;
  packed_codes packed{{tiles, shape.blocks() * code_fields<Q>, field_bits<Q>},
                      scalar_scales(q, w, h, shape)};
  matrix<float> x(d, t), s(Q::scale_fields, t);
  row_codes<Q, t> codes;
  workspace<Q> memory;
  for (index_t i = 0; i < tiles; ++i) {
    for (index_t b = 0; b < shape.blocks(); ++b) {
      for (index_t r = 0; r < t; ++r) {
        const index_t row = i * t + r;
        const auto scale =
            row < m ? q.unpack(packed.scales.get(row, b * d / shape.group_size)) : scale_t<Q>{};
        for (index_t k = 0; k < Q::scale_fields; ++k) s(k, r) = scale[k];
        for (index_t k = 0; k < d; ++k) x(k, r) = row < m ? w(row, b * d + k) : 0;
      }
      encode_rows<float>(q, x, s, memory, codes);
      for (index_t f = 0; f < code_fields<Q>; ++f) {
        packed.codes.set(i, b * code_fields<Q> + f, static_cast<std::uint64_t>(codes(0, f)));
      }
    }
  }
  return packed;
}

/// Strips in host memory that is called device memory, at first bits that no strip has, and those
/// that the CPU writes.
template <Quantizer Q>
struct host_strips {
  matrix<std::int32_t> words;
  matrix<float> scales;

  host_strips(index_t m, const strip_shape<Q>& shape)
      : words((m + 15) / 16, shape.words()), scales((m + 15) / 16, shape.scales()) {
    for (index_t i = 0; i < words.rows(); ++i) {
      std::ranges::fill(words.row(i), 0x5a5a5a5a);
      std::ranges::fill(scales.row(i), std::nanf(""));
    }
  }
  host_strips(const Q& q, const packed_codes& packed, const strip_shape<Q>& shape)
      : host_strips(packed.scales.rows(), shape) {
    for (index_t i = 0; i < words.rows(); ++i) {
      write_strip(q, packed.codes, packed.scales, shape, i, words.row(i), scales.row(i));
    }
  }

  matrix_view<std::int32_t, device> device_words() { return on_device(words); }
  matrix_view<float, device> device_scales() { return on_device(scales); }
};

}  // namespace openquant::test
