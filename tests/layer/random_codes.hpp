// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/layer/layout.hpp>

namespace openquant::test {

/// Random codes of an (m, n) matrix under scales that differ from group to group.
template <Quantizer Q>
packed_codes random_codes(const Q& q, index_t m, const strip_shape<Q>& shape, std::uint64_t seed) {
  packed_codes packed = zero_codes(q, m, shape);
  for (index_t i = 0; i < packed.codes.rows(); ++i) {
    for (index_t j = 0; j < packed.codes.cols(); ++j) {
      const auto word = random::bits(seed, static_cast<std::uint64_t>(i * packed.codes.cols() + j));
      packed.codes.set(i, j, word >> (64 - field_bits<Q>));
    }
  }
  for (index_t i = 0; i < m; ++i) {
    for (index_t g = 0; g < shape.groups(); ++g) {
      const auto at = static_cast<std::uint64_t>(i * shape.groups() + g);
      vec<float, Q::scale_fields> s{};
      s[0] = 0.05f + 0.2f * std::fabs(random::normal(seed + 1, at));
      if constexpr (Q::scale_fields == 2) {  // a zero, any code
        s[1] = static_cast<float>(random::bits(seed + 2, at) >> (64 - Q::code_bits));
      }
      packed.scales.set(i, g, q.pack(s));
    }
  }
  return packed;
}

/// Sizes of the terms that make those weights in a kernel: a weight's own, or where there is a zero
/// point, which kernels take off sums, that of the largest code and of the zero.
template <Quantizer Q>
matrix<float> term_sizes(const Q& q, const packed_codes& packed, const strip_shape<Q>& shape,
                         const matrix<float>& w) {
  matrix<float> size(w.rows(), w.cols());
  for (index_t i = 0; i < w.rows(); ++i) {
    for (index_t j = 0; j < w.cols(); ++j) {
      const auto s = q.unpack(packed.scales.get(i, j / shape.group_size));
      size(i, j) =
          Q::scale_fields == 2
              ? s[0] * (static_cast<float>(1 << Q::code_bits % 31) + s[Q::scale_fields - 1])
              : std::fabs(w(i, j));
    }
  }
  return size;
}

/// The weights of those codes by the scalar decoder, field by field: the oracle.
template <Quantizer Q>
matrix<float> decoded(const Q& q, const packed_codes& packed, const strip_shape<Q>& shape) {
  constexpr index_t t = tile_rows<Q>, d = Q::dim;
  const index_t m = packed.scales.rows();
  matrix<float> w(m, shape.cols), scale(Q::scale_fields, t), block(d, t);
  for (index_t i = 0; i < packed.codes.rows(); ++i) {
    for (index_t b = 0; b < shape.blocks(); ++b) {
      row_codes<Q, t> codes;
      for (index_t f = 0; f < code_fields<Q>; ++f) {
        codes(0, f) = static_cast<std::int32_t>(packed.codes.get(i, b * code_fields<Q> + f));
      }
      for (index_t r = 0; r < t; ++r) {
        const index_t row = std::min(i * t + r, m - 1);
        const auto s = q.unpack(packed.scales.get(row, b * d / shape.group_size));
        for (index_t k = 0; k < Q::scale_fields; ++k) scale(k, r) = s[k];
      }
      decode_rows<float>(q, codes, scale, block);
      for (index_t r = 0; r < t && i * t + r < m; ++r) {
        for (index_t k = 0; k < d && b * d + k < shape.cols; ++k) {
          w(i * t + r, b * d + k) = block(k, r);
        }
      }
    }
  }
  return w;
}

}  // namespace openquant::test
